//! Lists of records: filters, search, sort and pages, from the text of a query to one statement.
//!
//! Pages are keysets on (sort key, id): page 40,000 costs what page 1 costs, nothing is skipped and nothing comes
//! twice, whatever is written meanwhile. A cursor is signed and bound to account, list, filters and sort.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::access::Caller;
use crate::access::signed;
use crate::db::{Batch, Column, Db, FromRow, Reader, Select, Value};
use crate::error::{Code, Error, Result};
use crate::records::reach_condition;
use crate::resource::{Field, FieldKind, Record};
use crate::types::Timestamp;
use crate::types::text::Name;

/// Records on a page when the caller does not say.
pub const DEFAULT_LIMIT: i64 = 25;
/// Records on a page at the most.
pub const MAX_LIMIT: i64 = 200;

/// What a list was asked for.
#[derive(Debug, Clone)]
pub struct ListQuery {
    conditions: String,
    params: Vec<Value>,
    sort: Field,
    descending: bool,
    limit: i64,
    after: Option<(String, String)>,
    binding: String,
    /// Whether the exact number of all records was asked for.
    pub total: bool,
    /// Paths of related records to add.
    pub expand: Vec<String>,
}

/// A page of records.
#[derive(Debug, Clone)]
pub struct Page<R> {
    /// The records.
    pub rows: Vec<R>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
    /// How many there are in all, if that was asked for.
    pub total_count: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    binding: String,
    key: String,
    id: String,
}

struct Keyed<R>(R, String, String);

impl<R: FromRow> FromRow for Keyed<R> {
    fn from_row(reader: &mut Reader<'_>) -> Result<Self, crate::db::DbError> {
        Ok(Self(
            R::from_row(reader)?,
            Column::read(reader)?,
            Column::read(reader)?,
        ))
    }
}

/// The form in which names and addresses are compared: lower case, inner spaces folded, NFC.
fn folded(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<_> = lower.split_whitespace().collect();
    words.join(" ").nfc().collect()
}

/// Whether a list is of what was put aside instead of what is there.
fn asks_for_deleted(pairs: &[(String, String)]) -> Result<bool> {
    let given = pairs.iter().find(|(name, _)| name == "deleted");
    given.map_or(Ok(false), |(_, value)| {
        value
            .parse()
            .map_err(|_| refuse("«deleted» takes true or false.".to_owned()))
    })
}

fn refuse(detail: String) -> Error {
    Error::new(Code::InvalidParameter, detail)
}

impl ListQuery {
    /// Reads the members of a query string; unknown ones are refused with those that are allowed.
    pub fn parse<R: Record>(
        pairs: &[(String, String)],
        caller: &Caller,
        cursor_key: &[u8; 32],
    ) -> Result<Self> {
        Self::parse_within::<R>(pairs, None, caller, cursor_key)
    }

    /// The same for the records of one parent: those whose column (the first of `within`) has this value.
    pub fn parse_within<R: Record>(
        pairs: &[(String, String)],
        within: Option<(&'static str, &str)>,
        caller: &Caller,
        cursor_key: &[u8; 32],
    ) -> Result<Self> {
        let fallback = Field::sorted("created_at", "created_at", FieldKind::Time);
        let mut query = Self {
            conditions: String::new(),
            params: Vec::new(),
            sort: fallback,
            descending: true,
            limit: DEFAULT_LIMIT,
            after: None,
            binding: String::new(),
            total: false,
            expand: Vec::new(),
        };
        if R::SOFT_DELETE {
            query.conditions.push_str(if asks_for_deleted(pairs)? {
                " AND deleted_at IS NOT NULL AND purged_at IS NULL"
            } else {
                " AND deleted_at IS NULL"
            });
        }
        if let Some((condition, value)) = reach_condition::<R>(caller, 2) {
            query.params.push(value);
            query.conditions.push_str(&condition);
        }
        if let Some((column, value)) = within {
            let n = query.place(Value::text(value));
            query.also(&format!("{}.{column} = ${n}", R::TABLE));
        }
        let mut cursor = None;
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => {
                    let limit = value
                        .parse()
                        .ok()
                        .filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    query.limit = limit.ok_or_else(|| {
                        refuse(format!("limit is a whole number from 1 to {MAX_LIMIT}."))
                    })?;
                }
                "cursor" => cursor = Some(value.as_str()),
                "sort" => query.parse_sort::<R>(value)?,
                "include" if value == "total_count" => query.total = true,
                "include" => return Err(refuse("include takes total_count only.".to_owned())),
                "expand" => query.expand = value.split(',').map(str::to_owned).collect(),
                "q" => query.search::<R>(value)?,
                "deleted" if R::SOFT_DELETE => {}
                _ => query.filter::<R>(name, value)?,
            }
        }
        query.bind::<R>(pairs, within, caller);
        if let Some(cursor) = cursor {
            query.resume(cursor, cursor_key)?;
        }
        Ok(query)
    }

    fn place(&mut self, value: Value) -> usize {
        self.params.push(value);
        self.params.len() + 1
    }

    fn also(&mut self, condition: &str) {
        self.conditions.push_str(" AND (");
        self.conditions.push_str(condition);
        self.conditions.push(')');
    }

    fn parse_sort<R: Record>(&mut self, text: &str) -> Result<()> {
        let (name, descending) = text
            .strip_prefix('-')
            .map_or((text, false), |name| (name, true));
        let sortable: Vec<_> = R::FIELDS.iter().filter(|field| field.sort).collect();
        let field = sortable
            .iter()
            .find(|field| field.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = sortable.iter().map(|field| field.name).collect();
                refuse(format!(
                    "sort takes one of {}, with - before it for descending order.",
                    names.join(", ")
                ))
            })?;
        (self.sort, self.descending) = (**field, descending);
        Ok(())
    }

    fn search<R: Record>(&mut self, text: &str) -> Result<()> {
        let name = Name::parse(text).map_err(|fault| refuse(format!("q {fault}.")))?;
        if R::SEARCH.is_empty() {
            return Err(refuse("This list cannot be searched by q.".to_owned()));
        }
        let low = name.key();
        let (from, to) = (
            self.place(Value::text(low.as_str())),
            self.place(Value::text(format!("{low}\u{10ffff}"))),
        );
        let parts: Vec<_> = R::SEARCH
            .iter()
            .map(|column| {
                format!(
                    "({0}.{column} >= ${from} AND {0}.{column} < ${to})",
                    R::TABLE
                )
            })
            .collect();
        self.also(&parts.join(" OR "));
        Ok(())
    }

    fn filter<R: Record>(&mut self, name: &str, value: &str) -> Result<()> {
        let (base, operator) = match name.split_once('[') {
            Some((base, rest)) => (base, rest.strip_suffix(']').unwrap_or("")),
            None => (name, "eq"),
        };
        let field = R::FIELDS
            .iter()
            .find(|field| field.name == base)
            .ok_or_else(|| {
                let mut names: Vec<_> = R::FIELDS.iter().map(|field| field.name).collect();
                names.extend(["limit", "cursor", "sort", "q", "expand", "include"]);
                refuse(format!(
                    "This list has no parameter «{}». It takes: {}.",
                    name.chars().take(60).collect::<String>(),
                    names.join(", ")
                ))
            })?;
        let is_ordered = matches!(field.kind, FieldKind::Int | FieldKind::Time);
        let sign = match operator {
            "eq" => "=",
            "ne" => "<>",
            "gt" if is_ordered => ">",
            "gte" if is_ordered => ">=",
            "lt" if is_ordered => "<",
            "lte" if is_ordered => "<=",
            _ => {
                return Err(refuse(format!(
                    "«{base}» cannot be compared by [{}].",
                    operator.chars().take(20).collect::<String>()
                )));
            }
        };
        let alternatives: Vec<&str> = if sign == "=" || sign == "<>" {
            value.split(',').collect()
        } else {
            vec![value]
        };
        if alternatives.len() > 100 {
            return Err(refuse(format!("«{base}» takes 100 values at the most.")));
        }
        let mut parts = Vec::new();
        for one in alternatives {
            parts.push(if field.column.contains("{}") {
                // «Not in this team» is said of the person, not of one of their memberships.
                let negation = if sign == "<>" { "NOT " } else { "" };
                let comparison = self.comparison(field, "=", one)?;
                format!("{negation}({})", field.column.replace("{}", &comparison))
            } else {
                let comparison = self.comparison(field, sign, one)?;
                format!("{}.{} {comparison}", R::TABLE, field.column)
            });
        }
        let joint = if sign == "<>" { " AND " } else { " OR " };
        self.also(&parts.join(joint));
        Ok(())
    }

    /// `= $3`, or for a record by the caller's own key a look-up of it.
    fn comparison(&mut self, field: &Field, sign: &str, text: &str) -> Result<String> {
        let wrong = |wanted: &str| refuse(format!("«{}» takes {wanted}.", field.name));
        if text.contains('\0') {
            return Err(wrong("a text without control characters"));
        }
        let value = match field.kind {
            // In the form in which texts are stored.
            FieldKind::Text => Value::text(text.trim().nfc().collect::<String>()),
            FieldKind::Folded => Value::text(folded(text)),
            FieldKind::Int => Value::Int(Some(text.parse().map_err(|_| wrong("a whole number"))?)),
            FieldKind::Time => Timestamp::parse(text)
                .ok_or_else(|| wrong("a time of RFC 3339 such as 2027-01-31T09:30:00Z"))?
                .value(),
            FieldKind::Bool => Value::Bool(Some(text.parse().map_err(|_| wrong("true or false"))?)),
            FieldKind::Word(words) if words.contains(&text) => Value::text(text),
            FieldKind::Word(words) => return Err(wrong(&format!("one of {}", words.join(", ")))),
            FieldKind::Reference(prefix, table) => {
                return self.reference(field, sign, (prefix, table), text);
            }
        };
        Ok(format!("{sign} ${}", self.place(value)))
    }

    fn reference(
        &mut self,
        field: &Field,
        sign: &str,
        (prefix, table): (&str, &str),
        text: &str,
    ) -> Result<String> {
        if let Some(key) = text.strip_prefix("ext:") {
            let n = self.place(Value::text(key.trim().nfc().collect::<String>()));
            return Ok(format!(
                "{sign} (SELECT x.id FROM {table} x WHERE x.account_id = $1 AND x.external_id = ${n} LIMIT 1)"
            ));
        }
        if !text
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('_'))
        {
            return Err(refuse(format!(
                "«{}» takes an id ({prefix}_…) or ext:<your own key>.",
                field.name
            )));
        }
        Ok(format!("{sign} ${}", self.place(Value::text(text))))
    }

    /// What a cursor is bound to: everything but the page.
    fn bind<R: Record>(
        &mut self,
        pairs: &[(String, String)],
        within: Option<(&'static str, &str)>,
        caller: &Caller,
    ) {
        let mut bound: Vec<_> = pairs
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "limit" | "include" | "expand"))
            .collect();
        bound.sort();
        let text = format!("{} {} {within:?} {bound:?}", caller.account, R::TABLE);
        // Its hash, so that long filters make no long cursor.
        self.binding = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
    }

    fn resume(&mut self, text: &str, key: &[u8; 32]) -> Result<()> {
        let opened = signed::open(key, "cursor", text)
            .and_then(|text| serde_json::from_str::<Cursor>(&text).ok());
        let cursor = opened.filter(|cursor| cursor.binding == self.binding).ok_or_else(|| {
            Error::new(Code::CursorMismatch, "This cursor was made for another list, filter, sort or account. Begin again without a cursor.")
        })?;
        self.after = Some((cursor.key, cursor.id));
        Ok(())
    }

    fn select<R: Record>(&self) -> Result<Select> {
        let (table, column) = (R::TABLE, self.sort.column);
        let mut params = self.params.clone();
        let mut conditions = self.conditions.clone();
        let (sign, order) = if self.descending {
            ("<", "DESC")
        } else {
            (">", "ASC")
        };
        if let Some((key, id)) = &self.after {
            params.push(match self.sort.kind {
                FieldKind::Int | FieldKind::Time => Value::Int(Some(
                    key.parse()
                        .map_err(|_| refuse("The cursor is damaged.".to_owned()))?,
                )),
                _ => Value::text(key.as_str()),
            });
            params.push(Value::text(id.as_str()));
            let n = params.len();
            conditions = format!(
                "{conditions} AND ({table}.{column}, {table}.id) {sign} (${n}, ${})",
                n + 1
            );
        }
        params.push(Value::Int(Some(self.limit + 1)));
        let sql = format!(
            "SELECT {}, CAST({table}.{column} AS TEXT), {table}.id FROM {table} WHERE {table}.account_id = $1{conditions} \
             ORDER BY {table}.{column} {order}, {table}.id {order} LIMIT ${}",
            R::selection(),
            params.len() + 1
        );
        Ok(Select::new(sql, params))
    }

    /// Reads the page.
    pub async fn run<R: Record>(
        &self,
        db: &Db,
        caller: &Caller,
        cursor_key: &[u8; 32],
    ) -> Result<Page<R>> {
        let mut batch = Batch::new();
        let page = batch.add::<Keyed<R>>(self.select::<R>()?);
        let count = self.total.then(|| {
            let sql = format!(
                "SELECT count(*) FROM {0} WHERE {0}.account_id = $1{1}",
                R::TABLE,
                self.conditions
            );
            batch.add::<(i64,)>(Select::new(sql, self.params.clone()))
        });
        let mut answers = db.read(&caller.account, batch).await?;
        let mut rows = answers.take(&page);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| {
            let cursor = Cursor {
                binding: self.binding.clone(),
                key: last.1.clone(),
                id: last.2.clone(),
            };
            signed::sign(
                cursor_key,
                "cursor",
                &serde_json::to_string(&cursor).unwrap_or_default(),
            )
        });
        let total_count = count
            .and_then(|slot| answers.first(&slot))
            .map(|(count,)| count);
        Ok(Page {
            rows: rows.into_iter().map(|keyed| keyed.0).collect(),
            next_cursor,
            total_count,
        })
    }
}
