"""Makes `python -m rejoinder` the same as `rejoinder`."""

from rejoinder.cli import main

main()
