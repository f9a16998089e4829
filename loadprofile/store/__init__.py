"""Store: the system of record, on SQLite or PostgreSQL, and everything that may be asked of it.

    database = open_database(url)            # after migrate(url)
    with database.writing() as connection:   # one transaction, all or nothing
        record_readings(connection, profiles)
    with database.reading() as connection:   # one consistent view
        cubes = load_profiles(connection, as_of=moment)

Every function takes such a connection first; ``at`` or ``known_at`` is the moment, now by default; moments
carry a zone. Errors are ``StoreError`` and its kin in ``loadprofile.errors``.

    columns, *_tables    types and tables            database, failures   opening, transactions, errors
    migrating            to the newest version       audit                who did what, append-only
    meters               keys, facts, list           readings, loading    cubes in and out, as known at T
"""
