//! What can go wrong at the database, told apart by what the caller can do about it.

use std::fmt;

/// Which promise of the schema a write would have broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// A unique index or primary key.
    Unique,
    /// A CHECK.
    Check,
    /// A reference to a row that is not there, or that is still referred to.
    ForeignKey,
    /// A column that may not be empty.
    NotNull,
}

/// A failure of the database layer.
#[derive(Debug)]
pub enum DbError {
    /// The database cannot be reached, or gives no answer in time: the call may be repeated later.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// More writes wait than can be served: the call may be repeated later.
    Overloaded,
    /// What the plan was made from has changed meanwhile (a guard did not hold, a version moved on, a deadlock was
    /// broken): read again and plan again.
    Stale,
    /// A named constraint of the schema refused the write. SQLite does not name foreign keys: `foreign_key` there.
    Constraint {
        /// Its kind.
        kind: ConstraintKind,
        /// The name of the index or constraint.
        name: String,
    },
    /// A fault of the program: a wrong statement, a row that does not read.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl DbError {
    /// A stored text that is not what the program has written. The text itself is not told: it may be personal.
    pub fn decode(wanted: &str, found: &str) -> Self {
        let length = found.len();
        Self::Internal(
            format!("a column should hold {wanted}, but holds {length} bytes of something else")
                .into(),
        )
    }

    /// Whether this is the refusal of the named constraint.
    pub fn is_constraint(&self, wanted: &str) -> bool {
        matches!(self, Self::Constraint { name, .. } if name == wanted)
    }

    /// Whether reading and planning again may succeed.
    pub const fn is_race(&self) -> bool {
        matches!(self, Self::Stale | Self::Constraint { .. })
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(source) => write!(f, "database unavailable: {source}"),
            Self::Overloaded => f.write_str("too many writes are waiting"),
            Self::Stale => f.write_str("the rows have changed since they were read"),
            Self::Constraint { kind, name } => {
                write!(f, "{kind:?} constraint {name} refused the write")
            }
            Self::Internal(source) => write!(f, "database fault: {source}"),
        }
    }
}

impl std::error::Error for DbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(source) | Self::Internal(source) => Some(source.as_ref()),
            Self::Overloaded | Self::Stale | Self::Constraint { .. } => None,
        }
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;
        let Some(told) = error.as_db_error() else {
            let broken = error.is_closed()
                || std::error::Error::source(&error)
                    .is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
            return if broken {
                Self::Unavailable(error.into())
            } else {
                Self::Internal(error.into())
            };
        };
        let constraint = |kind| Self::Constraint {
            kind,
            name: told.constraint().unwrap_or("unnamed").to_owned(),
        };
        match *told.code() {
            SqlState::UNIQUE_VIOLATION => constraint(ConstraintKind::Unique),
            SqlState::CHECK_VIOLATION => constraint(ConstraintKind::Check),
            SqlState::FOREIGN_KEY_VIOLATION => constraint(ConstraintKind::ForeignKey),
            SqlState::NOT_NULL_VIOLATION => constraint(ConstraintKind::NotNull),
            // A guard that did not hold divides by the number of rows it changed: see `postgres::merge`.
            SqlState::DIVISION_BY_ZERO
            | SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED => Self::Stale,
            SqlState::QUERY_CANCELED
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::TOO_MANY_CONNECTIONS
            | SqlState::DISK_FULL
            | SqlState::READ_ONLY_SQL_TRANSACTION => Self::Unavailable(error.into()),
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<deadpool_postgres::PoolError> for DbError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => super::sqlite::constraint(&error),
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen,
            ) => Self::Unavailable(error.into()),
            _ => Self::Internal(error.into()),
        }
    }
}
