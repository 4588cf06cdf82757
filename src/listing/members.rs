//! How the columns of a record become the members of its JSON, taken from the schema that the documentation shows.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use schemars::generate::SchemaSettings;
use serde_json::Value as JsonValue;

use crate::db::json::Member;
use crate::resource::Record;

type Known = HashMap<TypeId, Option<&'static [Member]>>;

/// The members of a record's JSON, one for each column that is selected; none for a kind whose JSON has what is no column.
pub(super) fn members<R: Record>() -> Option<&'static [Member]> {
    static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);
    let kind = TypeId::of::<R>();
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(members) = known.get(&kind) {
        return *members;
    }
    drop(known);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    *known
        .entry(kind)
        .or_insert_with(|| read_schema::<R>().map(|members| &*members.leak()))
}

fn read_schema<R: Record>() -> Option<Vec<Member>> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<R>();
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required")?.as_array()?;
    let mut shown = 0;
    let members: Vec<Member> = R::MEMBERS
        .iter()
        .map(|name| {
            let is_shown = properties.contains_key(*name);
            shown += usize::from(is_shown);
            let before = if shown == 1 { '{' } else { ',' };
            Member {
                opening: is_shown.then(|| format!("{before}\"{name}\":")),
                only_if_there: !required.contains(&JsonValue::from(*name)),
            }
        })
        .collect();
    let first = members.iter().find(|member| member.opening.is_some())?;
    (shown == properties.len() && !first.only_if_there).then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Row;
    use crate::resources::{Role, User};

    #[test]
    fn columns_become_members_as_the_schema_says() {
        let members = members::<User>().expect("a person's JSON has columns alone");
        let of = |name: &str| {
            let at = User::MEMBERS.iter().position(|member| *member == name);
            &members[at.expect("a column")]
        };
        assert_eq!(of("id").opening.as_deref(), Some("{\"id\":"));
        assert_eq!(of("email").opening.as_deref(), Some(",\"email\":"));
        assert!(!of("company").only_if_there);
        assert!(of("deleted_at").only_if_there);
        assert_eq!(of("version").opening, None);
    }

    #[test]
    fn a_kind_that_is_read_otherwise_is_left_to_its_struct() {
        assert_eq!(super::members::<Role>(), None);
    }
}
