"""Pages: what analysts and field teams see in a browser.

Plain HTML made here, exchanged in parts by htmx; pictures are drawn in the browser from JSON and packed
numbers. Scripts and styles are files of ours or vendored ones: nothing is inline, nothing is from elsewhere.

    visiting     who looks at a page; errors as pages, the way to signing in
    rendering    templates and the words in them
    sign_in      /sign-in
    worklist     /worklist: the last screening, incidents folded
    cases        /cases/K and /meters/M: everything about one case, and the numbers of its charts
    case_work    what is done with a case, from its page
    mine         /mine: cases of one's own, for the field team
    visits       /visits: what a crew should drive to, and why
    submit       /submit: files in, reports out
    jobs, models, kpis
"""

from api.pages import case_work, cases, jobs, kpis, mine, models, sign_in, submit, visits, worklist

ROUTERS = (
    sign_in.router,
    worklist.router,
    mine.router,
    visits.router,
    cases.router,
    case_work.router,
    submit.router,
    jobs.router,
    models.router,
    kpis.router,
)
