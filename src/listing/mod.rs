//! Lists of records: filters, search, sort and pages, from the text of a query to its statements (`page.rs`).
//!
//! Pages are keysets on (sort key, id): page 40,000 costs what page 1 costs, nothing is skipped and nothing comes
//! twice, whatever is written meanwhile. A cursor is signed and bound to account, list, filters and sort.
//!
//! A page is read along one index, which begins with the account and what is filtered by, and goes on in the order of
//! the list. Where the caller names no order, a range (`[gt]` …) or a search gives it, since the index that finds the
//! records has them in that order.

mod found;
mod members;
mod page;

use unicode_normalization::UnicodeNormalization;

use crate::access::signed;
use crate::access::{Caller, Reach};
use crate::db::{Column, Value};
use crate::error::{Code, Error, Result};
use crate::records::reach_condition;
use crate::resource::{Field, FieldKind, Record};
use crate::types::Timestamp;
use crate::types::text::Name;

pub use page::{JsonPage, Page, Place, binding};

/// Records on a page when the caller does not say.
pub const DEFAULT_LIMIT: i64 = 25;
/// Records on a page at the most.
pub const MAX_LIMIT: i64 = 200;

/// Which number of all records is wanted beside a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// None.
    None,
    /// The exact one. It takes as long as there are records.
    Exact,
    /// The exact one up to this many; beyond, that there are more.
    UpTo(i64),
}

/// A comparison by which a list is cut.
#[derive(Debug, Clone)]
struct Range {
    column: &'static str,
    /// Whether it says where the list begins, in ascending order.
    is_lower: bool,
    /// With ` AND ` before it.
    condition: String,
}

/// What a list was asked for.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// What every record fulfils, each with ` AND ` before it.
    conditions: String,
    params: Vec<Value>,
    /// Comparisons by which a list is cut.
    ranges: Vec<Range>,
    /// Of these conditions on one member a record fulfils one; each is read along its index. None: no such member.
    branches: Vec<String>,
    /// The places of the first text that begins with what is searched for, and of the first that does not any more.
    search: Option<(usize, usize)>,
    sort: Field,
    descending: bool,
    /// Whether the caller has named the order.
    is_sorted: bool,
    /// Whether a plan for other values would not do for these: how many records they fit differs widely.
    is_skewed: bool,
    limit: i64,
    after: Option<Place>,
    binding: String,
    /// Whether the number of all records was asked for.
    pub total: Total,
    /// The teams and organizations the caller is limited to.
    places: Option<Value>,
    /// Paths of related records to add.
    pub expand: Vec<String>,
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
            ranges: Vec::new(),
            branches: Vec::new(),
            search: None,
            sort: fallback,
            descending: true,
            is_sorted: false,
            is_skewed: false,
            limit: DEFAULT_LIMIT,
            after: None,
            binding: String::new(),
            total: Total::None,
            places: match &caller.reach {
                Reach::Account => None,
                Reach::Teams(places) => Some(Value::Text(Some(places.clone()))),
            },
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
            query.is_skewed = true;
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
                "include" if value == "total_count" => query.total = Total::Exact,
                "include" => return Err(refuse("include takes total_count only.".to_owned())),
                "expand" => query.expand = expand_paths(value)?,
                "q" => query.search::<R>(value)?,
                "deleted" if R::SOFT_DELETE => {}
                _ => query.filter::<R>(name, value)?,
            }
        }
        query.is_skewed |= query.is_sorted && query.search.is_some();
        query.binding = page::binding(caller.account.as_str(), R::TABLE, within, pairs);
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
        (self.sort, self.descending, self.is_sorted) = (**field, descending, true);
        Ok(())
    }

    fn search<R: Record>(&mut self, text: &str) -> Result<()> {
        let name = Name::parse(text).map_err(|fault| refuse(format!("q {fault}.")))?;
        if R::SEARCH.is_empty() {
            return Err(refuse("This list cannot be searched by q.".to_owned()));
        }
        let low = name.key();
        self.search = Some((
            self.place(Value::text(low.as_str())),
            self.place(Value::text(format!("{low}\u{10ffff}"))),
        ));
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
        if is_ordered && sign != "<>" {
            self.order_by_range(field);
        }
        if is_ordered && !matches!(sign, "=" | "<>") && !field.column.contains("{}") {
            let comparison = self.comparison(field, sign, value)?;
            self.ranges.push(Range {
                column: field.column,
                is_lower: sign.starts_with('>'),
                condition: format!(" AND {}.{} {comparison}", R::TABLE, field.column),
            });
            return Ok(());
        }
        let alternatives = alternatives(field, sign, value)?;
        // «Not in this team» is said of the person, not of one of their memberships.
        let is_elsewhere = field.column.contains("{}");
        self.is_skewed |= is_elsewhere;
        let mut parts = Vec::new();
        for one in alternatives.values {
            parts.push(if is_elsewhere {
                let negation = if alternatives.sign == "<>" {
                    "NOT "
                } else {
                    ""
                };
                let comparison = self.comparison(field, "=", one)?;
                format!("{negation}({})", field.column.replace("{}", &comparison))
            } else {
                let comparison = self.comparison(field, alternatives.sign, one)?;
                format!("{}.{} {comparison}", R::TABLE, field.column)
            });
        }
        if parts.is_empty() {
            // Not one of all the words there are.
            self.also("1 = 0");
        } else if alternatives.sign == "=" && parts.len() > 1 && self.branches.is_empty() {
            self.branches = parts;
        } else {
            let joint = if alternatives.sign == "<>" {
                " AND "
            } else {
                " OR "
            };
            self.also(&parts.join(joint));
        }
        Ok(())
    }

    /// A comparison gives the order, where the caller names none: the index that finds the records has them in it.
    fn order_by_range(&mut self, field: &Field) {
        let is_free = self.sort.name == "created_at" && !self.is_sorted;
        if is_free && field.name != "created_at" && !field.column.contains("{}") {
            (self.sort, self.descending) = (*field, false);
        }
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
        let places = self.places.clone().filter(|_| table == "teams");
        // By a team that is out of the caller's reach nobody is found, not even who is in one within it too.
        let within = places.map_or_else(String::new, |places| {
            let n = self.place(places);
            format!(" AND x.id IN (SELECT value FROM JSON_LIST(${n}) AS reach)")
        });
        if let Some(key) = text.strip_prefix("ext:") {
            let n = self.place(Value::text(key.trim().nfc().collect::<String>()));
            // What is put aside has given up its key.
            let living = if matches!(table, "users" | "teams") {
                " AND x.deleted_at IS NULL"
            } else {
                ""
            };
            return Ok(format!(
                "{sign} (SELECT x.id FROM {table} x WHERE x.account_id = $1 AND x.external_id = ${n}{living}{within} LIMIT 1)"
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
        let n = self.place(Value::text(text));
        if within.is_empty() {
            return Ok(format!("{sign} ${n}"));
        }
        Ok(format!(
            "{sign} (SELECT x.id FROM {table} x WHERE x.account_id = $1 AND x.id = ${n}{within})"
        ))
    }

    fn resume(&mut self, text: &str, key: &[u8; 32]) -> Result<()> {
        let opened = signed::open(key, "cursor", text)
            .and_then(|text| serde_json::from_str::<Place>(&text).ok());
        let cursor = opened.filter(|cursor| cursor.binding == self.binding).ok_or_else(|| {
            Error::new(Code::CursorMismatch, "This cursor was made for another list, filter, sort or account. Begin again without a cursor.")
        })?;
        self.after = Some(cursor);
        Ok(())
    }
}

/// The relations that `expand` names.
pub fn expand_paths(value: &str) -> Result<Vec<String>> {
    let paths: Vec<String> = value.split(',').map(str::to_owned).collect();
    if paths.len() > 100 {
        return Err(refuse("expand takes 100 relations at the most.".to_owned()));
    }
    Ok(paths)
}

struct Alternatives<'a> {
    sign: &'static str,
    values: Vec<&'a str>,
}

/// The values of a comparison. «Not this word» is «one of the others», which an index can find.
fn alternatives<'a>(field: &Field, sign: &'static str, text: &'a str) -> Result<Alternatives<'a>> {
    let mut values: Vec<&str> = if sign == "=" || sign == "<>" {
        text.split(',').collect()
    } else {
        vec![text]
    };
    if values.len() > 100 {
        return Err(refuse(format!(
            "«{}» takes 100 values at the most.",
            field.name
        )));
    }
    values.sort_unstable();
    values.dedup();
    if let (FieldKind::Word(words), "<>") = (field.kind, sign)
        && values.iter().all(|value| words.contains(value))
        && !field.column.contains("SELECT")
    {
        values = words
            .iter()
            .copied()
            .filter(|word| !values.contains(word))
            .collect();
        return Ok(Alternatives { sign: "=", values });
    }
    Ok(Alternatives { sign, values })
}
