//! What is remembered: SQLite and PostgreSQL. The only crate with SQL.
