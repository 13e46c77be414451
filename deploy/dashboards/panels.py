"""What the dashboards are made of: a panel with its queries, its unit, what is normal, and its alerts."""

from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import bargauge, logs, loki, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.loki import LokiQueryDirection
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.dashboards.alerts import runbook_entries

METRICS = shapes.DataSourceRef(type_val="prometheus", uid="${metrics}")
LOGS = shapes.DataSourceRef(type_val="loki", uid="${logs}")

Kind = Literal["lines", "stack", "number", "bars", "table", "log", "log_lines"]

AnyBuilder = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel | logs.Panel

MOST_LINES = 500
"""Log lines that a panel asks for at once."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One query of a panel.

    Attributes:
        expression: PromQL, or LogQL in a panel over logs.
        legend: what its series are called, with labels in double braces; in a table, the column's title.
        unit: of a table's column, where it is not the panel's.
    """

    expression: str
    legend: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        number: its id in its dashboard, which links lead to: never used again for another panel.
        normal: a line of text: what is normal, and what is not.
        kind: `log` and `log_lines` ask Loki, the others Prometheus.
        unit: by Grafana's names ("s", "percentunit", "short", "bytes", "reqps").
        warning: from this value on the panel is orange; None for never.
        critical: from this value on it is red; None for never.
        falling: True where small values are the bad ones.
        width: in columns, of 24.
        height: in rows of Grafana's grid.
    """

    number: int
    title: str
    normal: str
    asks: tuple[Ask, ...]
    kind: Kind = "lines"
    unit: str = "short"
    warning: float | None = None
    critical: float | None = None
    falling: bool = False
    width: int = 8
    height: int = 8

    def built(self, uid: str) -> Builder[models.Panel]:
        """Returns the panel for the SDK, with links to the runbook's entries of the alerts that lead here.

        Args:
            uid: of the dashboard that it stands in.
        """
        builder = self._drawn()
        builder.id(self.number).title(self.title).description(self.normal)
        builder.span(self.width).height(self.height)
        builder.datasource(LOGS if self.kind in {"log", "log_lines"} else METRICS)
        for ask, letter in zip(self.asks, "ABCDEFGH", strict=False):
            builder.with_target(self._target(ask, letter))
        builder.links(
            [
                DashboardLink(f"What to do: {alert}")
                .type(models.DashboardLinkType.LINK)
                .url("${documents}" + entry)
                .target_blank(True)
                for alert, entry in runbook_entries(uid, self.number)
            ]
        )
        return builder

    def _target(self, ask: Ask, letter: str) -> Builder[Dataquery]:
        if self.kind in {"log", "log_lines"}:
            of_logs = loki.Dataquery().expr(ask.expression).ref_id(letter).datasource(LOGS)
            if self.kind == "log_lines":
                return of_logs.legend_format(ask.legend)
            return of_logs.max_lines(MOST_LINES).direction(LokiQueryDirection.BACKWARD)
        query = prometheus.Dataquery().expr(ask.expression).ref_id(letter).datasource(METRICS)
        query.legend_format(ask.legend)
        if self.kind == "table":
            return query.instant().format(PromQueryFormat.TABLE)
        return query.instant() if self.kind in {"number", "bars"} else query.range()

    def _drawn(self) -> AnyBuilder:
        match self.kind:
            case "lines" | "stack" | "log_lines":
                return self._lines()
            case "number":
                return self._number()
            case "bars":
                return self._bars()
            case "table":
                return self._table()
            case "log":
                return logs.Panel().show_time(True).wrap_log_message(True).enable_log_details(True)

    def _lines(self) -> timeseries.Panel:
        panel = timeseries.Panel().unit(self.unit).min(0).line_width(1).fill_opacity(8)
        panel.show_points(shapes.VisibilityMode.NEVER).span_nulls(False)
        panel.tooltip(VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
        legend = VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST)
        panel.legend(legend.placement(shapes.LegendPlacement.BOTTOM).show_legend(True).calcs(["lastNotNull"]))
        if self.kind in {"stack", "log_lines"}:
            panel.fill_opacity(60).stacking(StackingConfig().mode(shapes.StackingMode.NORMAL).group("A"))
        if self.warning is not None or self.critical is not None:
            panel.thresholds(self._thresholds())
            panel.thresholds_style(GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))
        return panel

    def _number(self) -> stat.Panel:
        panel = stat.Panel().unit(self.unit).thresholds(self._thresholds()).no_value("none")
        panel.color_mode(shapes.BigValueColorMode.BACKGROUND).graph_mode(shapes.BigValueGraphMode.NONE)
        return panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))

    def _bars(self) -> bargauge.Panel:
        panel = bargauge.Panel().unit(self.unit).min(0).thresholds(self._thresholds()).no_value("none")
        panel.orientation(shapes.VizOrientation.HORIZONTAL).display_mode(shapes.BarGaugeDisplayMode.BASIC)
        return panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))

    def _table(self) -> table.Panel:
        """Joins the queries' series by their labels: one row for each, one column for each query."""
        panel = table.Panel().unit(self.unit).no_value("none").filterable(True)
        panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        names = {self._column(letter): ask.legend for ask, letter in zip(self.asks, "ABCDEFGH", strict=False)}
        panel.with_transformation(
            models.DataTransformerConfig(
                id_val="organize", options={"excludeByName": {"Time": True}, "renameByName": names}
            )
        )
        for ask in self.asks:
            if ask.unit is not None:
                panel.override_by_name(ask.legend, [models.DynamicConfigValue(id_val="unit", value=ask.unit)])
        return panel.thresholds(self._thresholds())

    def _column(self, letter: str) -> str:
        """What Grafana calls a query's values before they are renamed."""
        return f"Value #{letter}" if len(self.asks) > 1 else "Value"

    def _thresholds(self) -> ThresholdsConfig:
        """Green, orange and red, from the smallest value on; Grafana's first step has no value."""
        steps: list[tuple[str, float | None]] = [("orange", self.warning), ("red", self.critical)]
        first = "green"
        if self.falling:
            first, steps = "red", [("orange", self.critical), ("green", self.warning)]
        known = [models.Threshold(value=at, color=color) for color, at in steps if at is not None]
        return (
            ThresholdsConfig()
            .mode(models.ThresholdsMode.ABSOLUTE)
            .steps([models.Threshold(value=None, color=first if known else "green"), *known])
        )
