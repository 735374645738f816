"""The source of the dashboards: `python -m observability.panels` writes observability/dashboards/*.json.

A panel is a question, a sentence that says how to read the answer, and a unit; its place on the page is worked out.
"""
