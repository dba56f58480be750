//! What a list can be narrowed and sorted by: a resource only declares its columns.

/// A column of a resource, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in filters and sort keys.
    pub name: &'static str,
    /// The expression over row `r` of load balancer `l`.
    pub(crate) sql: &'static str,
    pub(crate) kind: Kind,
    /// Whether it is only for filters: another name of a column.
    pub(crate) is_alias: bool,
}

impl Column {
    /// Whether lists can be sorted by it: another name of a column only narrows them.
    pub const fn is_sortable(&self) -> bool {
        !self.is_alias
    }
}

/// How the text of a filter is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    /// The words of contract 1.10; anything else is false.
    Truth,
    /// `YYYY-MM-DDTHH:MM:SS`, to the second.
    Time,
}

/// Declares columns: name, kind, and the expression where it is not the column of this name.
macro_rules! columns {
    ($($name:literal $kind:ident $(= $sql:expr)? $(, $alias:ident)?;)+) => {
        &[$($crate::column::Column {
            name: $name,
            sql: $crate::column::columns!(@sql $name $(= $sql)?),
            kind: $crate::column::Kind::$kind,
            is_alias: $crate::column::columns!(@alias $($alias)?),
        },)+]
    };
    (@sql $name:literal = $sql:expr) => { $sql };
    (@sql $name:literal) => { concat!("r.", $name) };
    (@alias alias) => { true };
    (@alias) => { false };
}
pub(crate) use columns;

/// The columns that every resource has.
pub(crate) const COMMON: &[Column] = columns! {
    "id" Text;
    "created_at" Time;
    "updated_at" Time;
    "provisioning_status" Text = crate::status::PROVISIONING;
    "operating_status" Text;
    "admin_state_up" Truth;
    "project_id" Text;
};
