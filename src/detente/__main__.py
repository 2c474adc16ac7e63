"""`python -m detente` is `detente`."""

from detente.cli.main import main

if __name__ == "__main__":
    main()
