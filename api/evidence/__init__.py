"""Evidence: everything about one meter or case, put together once for the page and for the printed pack.

case_view    what is recorded of a case, as one value: finding, odds, sentences, work, visits, history
courses      numbers behind the pictures: heat map, histogram, hourly profile, seasons
neighbours   what others did on the same days: meters of the same feeder, the balance of the feeder
timeline     events, registers, bills, outages and visits in one order of time
pictures     the same as drawings for print
pack         the evidence pack: JSON, HTML, PDF
"""
