"""The sentences that link tests send (spec/dispatch.md §6).

Short, true and about nothing: no animals, no weather, no time of day, no numbers that count down,
nothing a tired night watch could take for a threat, a warning or a joke. The tests of 1963 sent
«the quick brown fox», and the other side asked its translators what was meant.
"""

from __future__ import annotations

# By number; each line says the same in English, Russian and Ukrainian.
SENTENCES: tuple[dict[str, str], ...] = tuple(
    dict(zip(("en", "ru", "uk"), said, strict=True))
    for said in (
        (
            "A square has four equal sides.",
            "У квадрата четыре равные стороны.",
            "У квадрата чотири рівні сторони.",
        ),
        ("The book is on the table.", "Книга лежит на столе.", "Книга лежить на столі."),
        (
            "Seven and five make twelve.",
            "Семь плюс пять равно двенадцати.",
            "Сім плюс п'ять дорівнює дванадцяти.",
        ),
        (
            "The reading room is on the second floor.",
            "Читальный зал находится на втором этаже.",
            "Читальна зала розташована на другому поверсі.",
        ),
        ("A week has seven days.", "В неделе семь дней.", "У тижні сім днів."),
        (
            "The chairs stand in two rows.",
            "Стулья стоят в два ряда.",
            "Стільці стоять у два ряди.",
        ),
        (
            "The letter is written in blue ink.",
            "Письмо написано синими чернилами.",
            "Лист написано синім чорнилом.",
        ),
        (
            "Bread is made from flour and water.",
            "Хлеб пекут из муки и воды.",
            "Хліб печуть із борошна та води.",
        ),
        (
            "The corridor has ten doors.",
            "В коридоре десять дверей.",
            "У коридорі десять дверей.",
        ),
        (
            "The museum displays old coins.",
            "В музее выставлены старинные монеты.",
            "У музеї виставлено старовинні монети.",
        ),
        ("A circle has no corners.", "У круга нет углов.", "У кола немає кутів."),
        (
            "The pencil lies beside the paper.",
            "Карандаш лежит рядом с бумагой.",
            "Олівець лежить поруч із папером.",
        ),
        (
            "The staircase is made of oak.",
            "Лестница сделана из дуба.",
            "Сходи зроблено з дуба.",
        ),
        (
            "Half of eighteen is nine.",
            "Половина восемнадцати — девять.",
            "Половина вісімнадцяти — дев'ять.",
        ),
        (
            "The catalogue is sorted by author.",
            "Каталог упорядочен по авторам.",
            "Каталог упорядковано за авторами.",
        ),
        (
            "The kettle is in the kitchen.",
            "Чайник стоит на кухне.",
            "Чайник стоїть на кухні.",
        ),
        (
            "The orchestra plays a waltz.",
            "Оркестр играет вальс.",
            "Оркестр грає вальс.",
        ),
        (
            "The picture hangs in the classroom.",
            "Картина висит в классе.",
            "Картина висить у класі.",
        ),
        (
            "The lamp stands on the shelf.",
            "Лампа стоит на полке.",
            "Лампа стоїть на полиці.",
        ),
        (
            "The apples are in the basket.",
            "Яблоки лежат в корзине.",
            "Яблука лежать у кошику.",
        ),
        (
            "A year has twelve months.",
            "В году двенадцать месяцев.",
            "У році дванадцять місяців.",
        ),
        (
            "The dictionary has three volumes.",
            "Словарь состоит из трёх томов.",
            "Словник складається з трьох томів.",
        ),
        (
            "The door is painted green.",
            "Дверь покрашена в зелёный цвет.",
            "Двері пофарбовано в зелений колір.",
        ),
        (
            "The alphabet begins with the letter A.",
            "Алфавит начинается с буквы А.",
            "Абетка починається з літери А.",
        ),
    )
)


def sentence(number: int, language: str) -> str | None:
    """The sentence with this number, or None: a newer list may be longer, in more languages."""
    if number >= len(SENTENCES):
        return None
    return SENTENCES[number].get(language)
