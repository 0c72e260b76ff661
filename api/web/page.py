"""The page at `/`: the newest ranking for people, and the way on for programs."""

from html import escape

from starlette.responses import HTMLResponse

from api.http import browser_headers
from api.state.live import LiveRankings
from api.state.snapshot import Snapshot

ESTIMATES = (
    "Figures marked “est.” rest wholly or partly on estimates: nothing is printed for them, they were chosen to agree "
    "with every published figure, and they say nothing about the city."
)

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Smart City Index</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ padding: .2rem .6rem; text-align: left; border-bottom: 1px solid #ddd }}
td:nth-child(-n+3), th:nth-child(-n+3) {{ text-align: right }}
pre {{ background: #f4f4f4; padding: 1rem; overflow: auto }}
</style>
<h1>Smart City Index</h1>
<p>GraphQL is at <code>/graphql</code>: POST and GET, WebSocket (<code>graphql-transport-ws</code>) and server-sent
events.{console} See also
<a href="healthz">/healthz</a>, <a href="readyz">/readyz</a>, <a href="metrics">/metrics</a>.</p>
<pre>curl -s {address}graphql -H 'content-type: application/json' \\
  -d '{{"query":"{{ city(slug: \\"krefeld\\") {{ name result {{ rank score estimatedShare }} }} }}"}}'</pre>
{ranking}
</html>
"""


async def home(live: LiveRankings, address: str, *, has_graphiql: bool) -> HTMLResponse:
    """The newest ranking as a table; scores are rounded here and nowhere else."""
    year = max(live.newest_of_published, default=None)
    snapshot = None if year is None else await live.snapshots.get((year, live.newest_of_published[year]))
    ranking = "<p>There is no ranking yet.</p>" if snapshot is None else _table(live, snapshot)
    console = ' <a href="graphiql/">GraphiQL</a> asks for you.' if has_graphiql else ""
    content = PAGE.format(address=escape(address), console=console, ranking=ranking)
    return HTMLResponse(content, headers=browser_headers.page(style="'unsafe-inline'"))


def _table(live: LiveRankings, snapshot: Snapshot) -> str:
    year, revision = snapshot.key
    rows = "\n".join(_row(live, snapshot, place) for place in range(len(snapshot.ranking.cities)))
    return (
        f"<h2>{year}, revision {revision}</h2>\n<p>{ESTIMATES}</p>\n"
        f'<p>To take away: <a href="export/{year}.csv">CSV</a>, <a href="export/{year}.json">JSON</a>.</p>\n'
        "<table><tr><th>Rank</th><th>Change</th><th>Score</th><th>City</th><th>State</th>"
        f"<th>Share estimated</th><th></th></tr>\n{rows}\n</table>"
    )


def _row(live: LiveRankings, snapshot: Snapshot, place: int) -> str:
    overall = snapshot.overall
    rank, points, previous = overall.rank[place], overall.score[place], overall.previous_rank[place]
    assert rank is not None, "only cities with an overall score are ranked"
    assert points is not None, "only cities with an overall score are ranked"
    city = live.catalogue_of_readers.cities[snapshot.ranking.cities[place]]
    estimated = overall.estimated_share[place] or 0.0
    marks = ["Top 10"] * overall.is_top_n[place] + ["Hidden Champion"] * overall.is_hidden_champion[place]
    cells = (
        str(rank),
        "" if previous is None else f"{previous - rank:+d}",
        f"{points:.1f}{' est.' if estimated else ''}",
        escape(city.name),
        escape(city.state),
        f"{estimated:.0%}",
        ", ".join(marks),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
