//! What the pages of invitations and of links share: the places that come with an offer, and the way back.

use maud::{Markup, html};

use super::desk::{Desk, Shown, faults};
use crate::dashboard::components::Checkbox;
use crate::dashboard::notice::Notice;
use crate::db::Select;
use crate::error::Result;
use crate::params;
use crate::resources::Product;
use crate::types::Id;

/// Value and label of what happens when no place is free.
pub(super) const IF_FULL: [(&str, &str); 2] = [("fail", "Refuse"), ("waitlist", "Wait in line")];

/// Back to the page of an offer, with what came of it.
pub(super) fn answered(at: String, done: Result<String>) -> Result<Shown> {
    match done {
        Ok(text) => Ok(Shown::done(at, text)),
        Err(error) => {
            let faults = faults(error)?;
            let texts: Vec<String> = faults.plain().into_iter().map(|(_, text)| text).collect();
            Ok(Shown::Go(at, Notice::error(texts.join(" "))))
        }
    }
}

/// Products to choose from: id and name.
pub(super) fn product_choices() -> Select {
    Select::new(
        "SELECT id, name FROM products WHERE account_id = $1 ORDER BY name_key LIMIT 200",
        params![],
    )
}

/// A box for each product.
pub(super) fn product_fields(
    desk: &Desk,
    products: &[(Id<Product>, String)],
    stored: &[Id<Product>],
) -> Markup {
    let sent = desk.fields("product");
    let ticked = |id: &Id<Product>| {
        if desk.is_post() {
            sent.iter().any(|one| one == id.as_str())
        } else {
            stored.contains(id)
        }
    };
    html! {
        fieldset.field {
            legend { "Places of" }
            @if products.is_empty() { p.hint { "There are no products yet." } }
            @for (id, name) in products {
                (Checkbox { name: "product".into(), value: id.to_string(), label: name.clone(), checked: ticked(id), ..Checkbox::default() })
            }
        }
    }
}
