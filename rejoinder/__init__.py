"""The hallway between the two houses: the command line and `rejoinder serve`.

It imports neither the site side nor the service; each brings its own verbs by entry points.
"""
