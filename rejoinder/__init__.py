"""The `rejoinder` command line entry point and the `serve` supervisor.

It imports neither the site side nor the service: both register their commands as entry points.
"""
