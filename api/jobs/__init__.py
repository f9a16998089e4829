"""Jobs: what takes too long for a request, done by worker processes.

    queue            keys of jobs, handed to whichever worker is free (huey, in the record's own database)
    running          one attempt at a job: progress, cancelling, and writes that hold only while it is ours
    kinds            which work each kind of job is
    tending          jobs of workers that died are put back, queued ones that were lost are queued again
    worker           the worker process, and the server's side of it
    chosen_model     which model a screening uses, and the model itself
    stored_meters    readings and facts out of the record, as populations to be screened
    screening        the job: all meters, or some
    population_facts what a screening leaves behind so that single meters can be judged against it
    one_meter        one meter at once, against those facts

The truth about a job stands in the record's table; the queue may forget or repeat it at any time.
"""
