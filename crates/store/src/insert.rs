//! Putting rows into their tables, and replacing what stands in them.

use evenkeel_model::status::OperatingStatus;
use evenkeel_model::text::Tags;

use crate::StoreError;
use crate::change::Opened;
use crate::engine::{Session, Value, json};
use crate::stored::{Sealed, Stored};

const SHARED: [&str; 9] = [
    "id",
    "project_id",
    "created_at",
    "updated_at",
    "changed_generation",
    "change",
    "operating_status",
    "tags",
    "load_balancer_id",
];

/// Inserts a new row, created in the generation of `opened`.
pub(crate) fn insert<T: Stored>(
    session: &mut Session<'_>,
    value: &T,
    opened: &Opened,
    operating: OperatingStatus,
) -> Result<(), StoreError> {
    let own = T::OWN.join(", ");
    let now = session.moment();
    let mut values = vec![
        Value::Text(value.id().to_string()),
        (&opened.project).into(),
        now.into(),
        Value::Null,
        opened.generation.into(),
        "CREATE".into(),
        operating.word().into(),
        json(value.tags()),
        opened.load_balancer.into(),
    ];
    values.extend(value.values());
    let marks: Vec<String> = (1..=values.len()).map(|at| format!("?{at}")).collect();
    let sql = format!(
        "INSERT INTO {} ({}, {own}) VALUES ({})",
        T::TABLE,
        SHARED.join(", "),
        marks.join(", ")
    );
    session.execute(&sql, &values)?;
    add_tags(session, &value.id().to_string(), value.tags())
}

/// Replaces what stands in a row's own columns.
pub(crate) fn replace<T: Stored>(session: &mut Session<'_>, value: &T) -> Result<(), StoreError> {
    let id = value.id().to_string();
    let mut values = vec![Value::Text(id.clone()), json(value.tags())];
    values.extend(value.values());
    let own: Vec<String> =
        T::OWN.iter().enumerate().map(|(at, name)| format!("{name} = ?{}", at + 3)).collect();
    let sql = format!("UPDATE {} SET tags = ?2, {} WHERE id = ?1", T::TABLE, own.join(", "));
    session.execute(&sql, &values)?;
    set_tags(session, &id, value.tags())
}

fn set_tags(session: &mut Session<'_>, object: &str, tags: &Tags) -> Result<(), StoreError> {
    session.execute("DELETE FROM tags WHERE object_id = ?1", &[object.into()])?;
    add_tags(session, object, tags)
}

fn add_tags(session: &mut Session<'_>, object: &str, tags: &Tags) -> Result<(), StoreError> {
    for tag in tags.iter() {
        let values = [object.into(), tag.into()];
        session.execute("INSERT INTO tags (object_id, tag) VALUES (?1, ?2)", &values)?;
    }
    Ok(())
}

/// Removes rows, and their tags, for good.
pub(crate) fn erase<T: Sealed>(
    session: &mut Session<'_>,
    condition: &str,
    values: &[Value],
) -> Result<u64, StoreError> {
    let table = T::TABLE;
    session.execute(
        &format!("DELETE FROM tags WHERE object_id IN (SELECT id FROM {table} WHERE {condition})"),
        values,
    )?;
    session.execute(&format!("DELETE FROM {table} WHERE {condition}"), values)
}
