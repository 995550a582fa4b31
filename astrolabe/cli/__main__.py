"""`python -m astrolabe.cli`, where the script `astrolabe` is not installed."""

from astrolabe.cli import main

if __name__ == "__main__":
    main()
