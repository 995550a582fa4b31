"""`python -m astrolabe`: the command `astrolabe`, where the script is not installed."""

from astrolabe.cli import main

if __name__ == "__main__":
    main()
