"""Store: the system of record, on SQLite or PostgreSQL, and everything that may be asked of it.

    migrate(url)
    database = open_database(url)
    with database.writing() as connection:   # one transaction, all or nothing
        record_readings(connection, profiles)
    with database.reading() as connection:   # one consistent view
        cubes = load_profiles(connection, as_of=moment)

Every function takes such a connection first. ``at`` or ``known_at`` is the moment, now by default; moments
carry a zone, days and wall-clock times of readings are local. Errors are ``StoreError`` and its kin in
``loadprofile.errors``. Frames come out with the names of the tables' columns.

    columns, meter_tables, work_tables, access_tables   types and tables
    database, failures        open_database, reading, writing; drivers' complaints as our errors
    migrating, triggers       migrate, check_version; append-only tables
    audit                     audit, audit_log: who did what
    meters                    ensure_meters, tell_meters, list_meters, key_of
    readings, loading         record_readings, load_profiles, stored_groups, profile_batches: as known at T
    facts, contexts           record_facts (events, registers, outages, topology, invoices); contexts
    screening_parts           keep_part, part: what a screening measured of its population
    findings, incidents       start_screening, record_findings, findings_page, finding, whole_worklist
    cases, case_work          open_for_finding, list_cases, history; take_next, assign, move, snooze, ...
    visits, feedback          propose_visits, record_visits; record_feedback(_frame), feedback, labels
    ordinary                  not_ordinary: flagged meters that nobody closed are no examples to learn from
    attachments               attach, attachment
    model_register            add_model, champion, promote, roll_back
    access, logins            issue_key, caller_of; add_user, log_in, session_of
    idempotency, jobs         once, answered; add_job, start_job, report_progress, cancel_job, abandoned
    kpis, drift               hit_rates, recovered, backlog, calibration, ...; input_drift
    archive                   backup, restore
"""
