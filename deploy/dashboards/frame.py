"""What all dashboards share: variables, links between them, the marks of alerts, how often they are drawn."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.models import dashboard as models

from deploy.dashboards.panels import METRICS, Panel

TAG = "tg-fetcher"

DOCUMENTS = "https://github.com/example/tg_fetcher_dagster/blob/main/"
"""Where docs/ is for whoever looks: the variable `documents` of each dashboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A dashboard: its rows of panels, from the top.

    Attributes:
        uid: stays for ever; the alerts' links hold it.
        title: as it stands in the list of dashboards.
        says: which question it answers.
        rows: titles with their panels.
        variables: more than those that all dashboards have.
        since: how far back it looks, such as "now-24h".
    """

    uid: str
    title: str
    says: str
    rows: dict[str, tuple[Panel, ...]]
    variables: tuple[sdk.QueryVariable | sdk.TextBoxVariable, ...] = ()
    since: str = "now-24h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, from the top."""
        return tuple(panel for row in self.rows.values() for panel in row)

    def built(self) -> models.Dashboard:
        """Returns the dashboard as Grafana's own model."""
        built = sdk.Dashboard(self.title).uid(self.uid).description(self.says).tags([TAG])
        built.refresh("30s").time(self.since, "now").timezone("utc").readonly()
        built.tooltip(models.DashboardCursorSync.CROSSHAIR)
        built.with_variable(sdk.DatasourceVariable("metrics").label("Prometheus").type("prometheus"))
        built.with_variable(sdk.DatasourceVariable("logs").label("Loki").type("loki"))
        built.with_variable(sdk.ConstantVariable("documents").label("Documents").value(DOCUMENTS))
        for variable in self.variables:
            built.with_variable(variable)
        built.link(
            sdk.DashboardLink("tg-fetcher")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(False)
            .keep_time(True)
            .include_vars(False)
        )
        built.annotation(
            sdk.AnnotationQuery()
            .name("Alerts")
            .datasource(METRICS)
            .enable(True)
            .icon_color("red")
            .expr('ALERTS{alertstate="firing", severity!="none"}')
            .title_format("{{alertname}} ({{severity}})")
            .tag_keys("cause,severity,chat,account")
        )
        for number, (title, panels) in enumerate(self.rows.items()):
            built.with_row(sdk.Row(title).id(1000 + number))
            for panel in panels:
                built.with_panel(panel.built(self.uid))
        return built.build()
