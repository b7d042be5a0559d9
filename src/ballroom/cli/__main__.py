"""`python -m ballroom.cli`."""

from ballroom.cli.main import main

main()
