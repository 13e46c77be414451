"""Grafana's dashboards as code: `python -m deploy.dashboards` writes deploy/grafana/dashboards/*.json.

Each module is one dashboard; `panels.py` holds the few kinds of panels that they are made of. Panels have
numbers of their own, since the alerts' links lead to them: a number is never given to another panel.
"""
