"""What the parties of the demo say: an exercise of two invented staffs, in three languages.

Texts are data and stay as they are in every language of the screen. Entries are called by a key
here; each text is there once, so that its hash tells one delivery from every other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

ALPHA: Final = "alpha"
BRAVO: Final = "bravo"


class Say(NamedTuple):
    """A dispatch. ``relation`` is its word and the key of the entry it speaks of."""

    author: str
    precedence: str
    language: str
    subject: str
    text: str
    key: str = ""
    relation: tuple[str, str] | None = None


class Mark(NamedTuple):
    """A rung that the receiving desk states about an entry."""

    author: str
    key: str
    rung: str
    comment: str = ""


class Translate(NamedTuple):
    """A translation of an entry."""

    author: str
    key: str
    grade: str
    language: str
    text: str


class Event(NamedTuple):
    """Something that happens to the world: cut, mend, kill, restart."""

    what: str


Step = Say | Mark | Translate | Event

OPENING: Final[tuple[Step, ...]] = (
    Say(
        ALPHA,
        "ROUTINE",
        "en",
        "Opening of the line",
        "The watch of Alpha is on duty. Please read this back.",
        "hello",
    ),
    Say(
        BRAVO,
        "ROUTINE",
        "ru",
        "Открытие линии",
        "Дежурная смена «Браво» на связи, слышим вас хорошо.",
        "hello-ru",
    ),
    Mark(BRAVO, "hello", "read-back", "The watch of Alpha is on duty."),
    Say(
        ALPHA,
        "PRIORITY",
        "en",
        "Exercise notice",
        "A field exercise of two battalions begins on 12 February at 0600Z in area PINE, "
        "40 km from the boundary. Nobody fires within 20 km of it.",
        "exercise",
    ),
    Translate(
        BRAVO,
        "exercise",
        "sight",
        "ru",
        "Учение двух батальонов начнётся 12 февраля в 06:00Z в районе PINE, в 40 км от "
        "границы. Ближе 20 км к ней никто не стреляет.",
    ),
    Mark(BRAVO, "exercise", "passed-on"),
    Say(
        BRAVO,
        "PRIORITY",
        "ru",
        "Ответ об учении",
        "Уведомление об учении получено и передано в штаб округа. Просим сообщить об окончании.",
        "exercise-answer",
        ("answers", "exercise"),
    ),
    Say(
        BRAVO,
        "ROUTINE",
        "uk",
        "Гідрологічна довідка",
        "Рівень води на мосту 7 піднявся на 40 см. Понтонна переправа закрита до четверга.",
        "water",
    ),
    Translate(
        ALPHA,
        "water",
        "rough",
        "en",
        "The water at bridge 7 has risen by 40 cm. The pontoon crossing is closed until Thursday.",
    ),
    Say(
        ALPHA,
        "IMMEDIATE",
        "en",
        "Drone without control",
        "We have lost control of a reconnaissance drone. It is unarmed and heads east at "
        "900 m near post 12. Please do not engage.",
        "drone",
    ),
    Mark(BRAVO, "drone", "seen"),
    Mark(BRAVO, "drone", "with-principal"),
    Say(
        BRAVO,
        "IMMEDIATE",
        "ru",
        "Беспилотник",
        "Видим ваш беспилотник у поста 12. Огня не открываем. Сообщите место падения, если "
        "оно вам известно.",
        "drone-answer",
        ("answers", "drone"),
    ),
    Say(
        ALPHA,
        "FLASH",
        "en",
        "Missile test aborted",
        "The launch announced for today is aborted. Anything seen to rise from site 4 in "
        "the next hour is a weather balloon.",
        "balloon",
    ),
    Translate(
        BRAVO,
        "balloon",
        "certified",
        "ru",
        "Объявленный на сегодня пуск отменён. Всё, что в ближайший час поднимется с "
        "площадки 4, есть метеорологический шар.",
    ),
    Mark(BRAVO, "balloon", "read-back", "Site 4: a weather balloon, nothing else."),
    Say(
        BRAVO,
        "FLASH",
        "en",
        "Radar restart",
        "Our radar at hill 301 restarts at 1145Z after a fault. It will sweep your "
        "airfield once. This is no illumination for fire.",
        "radar",
    ),
    Mark(ALPHA, "radar", "seen"),
    Say(
        ALPHA,
        "DEFERRED",
        "en",
        "Text of the protocol",
        "The minutes of the last meeting of engineers follow by courier on Friday.",
        "minutes",
    ),
    Say(
        BRAVO,
        "OVERRIDE",
        "en",
        "Collision course",
        "Two aircraft close on one another over the strait at flight level 210. Turn yours "
        "north at once; ours turns south.",
        "collision",
    ),
    Mark(ALPHA, "collision", "answered"),
    Say(
        ALPHA,
        "OVERRIDE",
        "en",
        "Turning north",
        "Ours has turned north. Separation is 9 km and grows.",
        "collision-answer",
        ("answers", "collision"),
    ),
)

# The cable is cut: each goes on speaking and keeps it.
FIRST_CUT: Final[tuple[Step, ...]] = (
    Event("cut"),
    Say(
        ALPHA,
        "DEFERRED",
        "en",
        "Spare parts list",
        "The list of spare parts for the shared buoy is 14 items long and is attached to "
        "the minutes.",
    ),
    Say(
        ALPHA,
        "ROUTINE",
        "en",
        "Convoy",
        "A supply convoy of 18 trucks goes along road M5 tonight between 2000Z and 2300Z.",
    ),
    Say(
        BRAVO,
        "ROUTINE",
        "ru",
        "Колонна",
        "Колонна из шести санитарных машин пройдёт по дороге М5 завтра с 04:00Z до 06:00Z.",
    ),
    Say(BRAVO, "DEFERRED", "uk", "Зміна чергових", "Розклад чергувань на березень надійде окремо."),
    Say(
        ALPHA,
        "PRIORITY",
        "en",
        "Road block moved",
        "The road block at kilometre 88 stands at kilometre 91 from today.",
        "block",
    ),
    Say(
        BRAVO,
        "IMMEDIATE",
        "ru",
        "Пожар",
        "Горит лес у поста 15, огонь идёт к линии разграничения. Просим предупредить ваших людей.",
        "fire",
    ),
    Say(
        ALPHA,
        "FLASH",
        "en",
        "Shots at post 9",
        "Single shots heard at post 9. Our side does not return them. Ask your commander "
        "there what he sees.",
        "shots",
    ),
    Say(
        BRAVO,
        "FLASH",
        "ru",
        "Выстрелы у поста 9",
        "У поста 9 стреляли охотники, двое гражданских нашей стороны. Военные огня не вели.",
        "hunters",
    ),
    Event("mend"),
)

CROSSING: Final[tuple[Step, ...]] = (
    Translate(
        ALPHA,
        "hunters",
        "sight",
        "en",
        "The shots at post 9 came from hunters, two civilians of our side. No soldier fired.",
    ),
    Mark(ALPHA, "fire", "passed-on"),
    Say(
        ALPHA,
        "ROUTINE",
        "en",
        "Answer on the fire",
        "The fire service of our district is on its way to post 15 with four engines.",
        "fire-answer",
        ("answers", "fire"),
    ),
    Say(
        ALPHA,
        "PRIORITY",
        "en",
        "Corrected kilometre",
        "The road block stands at kilometre 92, not 91.",
        "km92",
        ("corrects", "block"),
    ),
    Say(
        BRAVO,
        "ROUTINE",
        "ru",
        "Благодарность",
        "За помощь у поста 15 благодарим. Пожар остановлен в 13:20Z.",
    ),
    Say(
        BRAVO,
        "PRIORITY",
        "uk",
        "Розмінування",
        "Група розмінування працюватиме біля мосту 7 у середу з 08:00Z до 12:00Z.",
        "mines",
    ),
)

# Bravo's node is killed in mid-conversation, with messages of both on their way.
KILLING: Final[tuple[Step, ...]] = (
    Say(
        BRAVO,
        "ROUTINE",
        "ru",
        "Связисты",
        "Двое связистов проверят кабель у поста 12 без оружия.",
    ),
    Say(
        ALPHA,
        "ROUTINE",
        "en",
        "Cable inspection",
        "Your two signallers at post 12 are expected and will not be troubled.",
    ),
    Say(
        BRAVO,
        "PRIORITY",
        "ru",
        "Перелёт вертолёта",
        "Санитарный вертолёт пройдёт вдоль реки на высоте 300 м около 15:00Z.",
    ),
    Say(
        ALPHA,
        "IMMEDIATE",
        "en",
        "Helicopter",
        "The medical helicopter along the river is known to all our posts.",
    ),
    Event("kill"),
    Say(
        ALPHA,
        "ROUTINE",
        "en",
        "Weather",
        "Fog is expected in the valley from 1800Z; visibility under 200 m.",
    ),
    Say(
        ALPHA,
        "IMMEDIATE",
        "en",
        "Ambulance",
        "An ambulance waits at bridge 7 for the wounded deminer. It carries no soldiers.",
        "ambulance",
    ),
    Event("restart"),
    Say(
        BRAVO,
        "IMMEDIATE",
        "uk",
        "Поранений сапер",
        "Пораненого сапера передано лікарям біля мосту 7. Дякуємо.",
        "deminer",
    ),
    Mark(BRAVO, "ambulance", "answered"),
    Mark(ALPHA, "deminer", "seen"),
)

SECOND_CUT: Final[tuple[Step, ...]] = (
    Say(
        ALPHA,
        "PRIORITY",
        "en",
        "Bridge 7",
        "The temporary bridge beside bridge 7 bears 12 tonnes.",
        "tonnes",
    ),
    Event("cut"),
    Say(
        ALPHA,
        "PRIORITY",
        "en",
        "Bridge 7, corrected",
        "The temporary bridge beside bridge 7 bears 8 tonnes, not 12.",
        "tonnes-8",
        ("corrects", "tonnes"),
    ),
    Say(
        BRAVO,
        "IMMEDIATE",
        "ru",
        "Работы у моста отменены",
        "Работы группы разминирования у моста 7 в среду отменяются.",
        "mines-off",
        ("cancels", "mines"),
    ),
    Say(
        BRAVO,
        "DEFERRED",
        "ru",
        "Протокол",
        "Замечания к протоколу встречи инженеров придут до конца недели.",
    ),
    Say(
        ALPHA,
        "FLASH",
        "en",
        "Stray shell",
        "A mortar shell of ours fell short, 300 m from your post 9, at 1612Z. It was an "
        "accident of training. Firing has stopped.",
        "shell",
    ),
    Say(
        BRAVO,
        "FLASH",
        "ru",
        "Снаряд у поста 9",
        "Разрыв у поста 9 видели. Пострадавших нет. Ответного огня не будет.",
        "shell-answer",
    ),
    Event("mend"),
)

CLOSING: Final[tuple[Step, ...]] = (
    Mark(ALPHA, "shell-answer", "read-back", "Nobody hurt; no fire in return."),
    Translate(
        ALPHA,
        "shell-answer",
        "certified",
        "en",
        "We saw the burst at post 9. Nobody is hurt. There will be no fire in return.",
    ),
    Say(
        ALPHA,
        "ROUTINE",
        "en",
        "Inquiry",
        "An inquiry into the shell of 1612Z begins tomorrow; its report will come over this line.",
    ),
    Say(
        BRAVO,
        "ROUTINE",
        "ru",
        "Расследование",
        "Готовы направить наблюдателя на ваше расследование.",
        "observer",
    ),
    Mark(
        ALPHA,
        "observer",
        "declined",
        "Our rules allow no observer; the report comes to you in full.",
    ),
    Say(
        ALPHA,
        "ROUTINE",
        "en",
        "Hand-over",
        "The watch of Alpha hands over at 1800Z. Nothing is left open with us.",
    ),
    Say(
        BRAVO,
        "ROUTINE",
        "uk",
        "Передача чергування",
        "Чергова зміна «Браво» передає чергування о 18:00Z. Відкритих справ немає.",
    ),
    Say(
        ALPHA,
        "DEFERRED",
        "uk",
        "Розклад перевірок",
        "Перевірка лінії щогодини, як записано в статуті.",
    ),
)

ACTS: Final = (OPENING, FIRST_CUT, CROSSING, KILLING, SECOND_CUT, CLOSING)
PROVEN: Final = "shell"  # the FLASH that ends in a proof and a bundle


def dispatches() -> Iterator[Say]:
    """Every dispatch, in the order in which it is submitted."""
    for act in ACTS:
        yield from (step for step in act if isinstance(step, Say))
