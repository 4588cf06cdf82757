//! How an organization looks in mails and pages, and how that comes about: each member is the nearest one set going up
//! the tree, the account's where no organization sets it. An organization that does not take over ends the way up: what
//! is not set up to there is not set, and the name is its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Organization;
use super::inheritance::Link;
use crate::accounts::Brand;
use crate::types::text::{Color, WebUrl};
use crate::types::{Email, Id, Name, Patch};

/// What an organization sets of its look.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Branding {
    /// The name it goes by in mails and pages.
    pub name: Option<Name>,
    /// The address of its logo.
    pub logo_url: Option<WebUrl>,
    /// The colour of buttons and links.
    pub color: Option<Color>,
    /// The postal address at the foot of mails, on one line.
    pub postal_address: Option<Name>,
    /// Where people ask for help.
    pub support_email: Option<Email>,
}

/// A change of a look: members left out stay as they are, `null` leaves one to what stands above.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BrandingPatch {
    /// The name it goes by in mails and pages.
    pub name: Patch<Name>,
    /// The address of its logo.
    pub logo_url: Patch<WebUrl>,
    /// The colour of buttons and links.
    pub color: Patch<Color>,
    /// The postal address at the foot of mails, on one line.
    pub postal_address: Patch<Name>,
    /// Where people ask for help.
    pub support_email: Patch<Email>,
}

impl BrandingPatch {
    /// The look after the change.
    pub fn applied(self, mut branding: Branding) -> Branding {
        self.name.apply(&mut branding.name);
        self.logo_url.apply(&mut branding.logo_url);
        self.color.apply(&mut branding.color);
        self.postal_address.apply(&mut branding.postal_address);
        self.support_email.apply(&mut branding.support_email);
        branding
    }
}

crate::words! {
    /// Where a member of a look comes from.
    pub enum BrandSource {
        /// An organization, this one or one above it.
        Organization = "organization",
        /// The account.
        Account = "account",
    }
}

/// A member of a look, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sourced {
    /// The value.
    pub value: String,
    /// What set it.
    pub from: BrandSource,
    /// The organization that set it, where it was one.
    pub organization_id: Option<Id<Organization>>,
}

/// The look as it comes out, each member with where it comes from; `null`: nothing sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EffectiveBranding {
    /// The name.
    pub name: Sourced,
    /// The address of the logo.
    pub logo_url: Option<Sourced>,
    /// The colour of buttons and links.
    pub color: Option<Sourced>,
    /// The postal address at the foot of mails.
    pub postal_address: Option<Sourced>,
    /// Where people ask for help.
    pub support_email: Option<Sourced>,
}

/// What the account sets: its name and its look.
#[derive(Debug, Clone, Default)]
pub struct AccountLook {
    /// The account's name.
    pub name: String,
    /// Its look.
    pub brand: Brand,
}

impl EffectiveBranding {
    /// The look at the first of `way`, which goes from an organization up to its root.
    pub fn of(way: &[Link], account: &AccountLook) -> Self {
        let stop = way.iter().position(|link| !link.inherit_branding);
        let heard = stop.map_or(way, |stop| way.get(..=stop).unwrap_or(way));
        let brand = &account.brand;
        let pick = |own: fn(&Branding) -> Option<String>, last: Option<String>| {
            let nearest = heard
                .iter()
                .find_map(|link| Some((own(&link.branding)?, link)));
            match nearest {
                Some((value, link)) => Some(Sourced {
                    value,
                    from: BrandSource::Organization,
                    organization_id: Some(link.id.clone()),
                }),
                None if stop.is_none() => last.map(|value| Sourced {
                    value,
                    from: BrandSource::Account,
                    organization_id: None,
                }),
                None => None,
            }
        };
        let text = |value: &Option<_>| value.as_ref().map(ToString::to_string);
        let name = brand.name.as_ref().map(ToString::to_string);
        let name = pick(
            |own| own.name.as_ref().map(ToString::to_string),
            Some(name.unwrap_or_else(|| account.name.clone())),
        );
        Self {
            name: name.unwrap_or_else(|| own_name(heard, account)),
            logo_url: pick(
                |own| own.logo_url.as_ref().map(ToString::to_string),
                text(&brand.logo_url),
            ),
            color: pick(
                |own| own.color.as_ref().map(ToString::to_string),
                brand.color.clone(),
            ),
            postal_address: pick(
                |own| own.postal_address.as_ref().map(ToString::to_string),
                brand.postal_address.as_ref().map(ToString::to_string),
            ),
            support_email: pick(
                |own| own.support_email.as_ref().map(ToString::to_string),
                brand.support_email.as_ref().map(ToString::to_string),
            ),
        }
    }

    /// Leaves the ids of organizations out that are not among those seen.
    pub fn hide_sources(&mut self, seen: &[Id<Organization>]) {
        let others = [
            &mut self.logo_url,
            &mut self.color,
            &mut self.postal_address,
            &mut self.support_email,
        ];
        let all = others.into_iter().flatten();
        for one in all.chain(std::iter::once(&mut self.name)) {
            one.organization_id = one.organization_id.take().filter(|id| seen.contains(id));
        }
    }

    /// The members with their names, for comparison.
    pub fn members(&self) -> [(&'static str, Option<&Sourced>); 5] {
        [
            ("name", Some(&self.name)),
            ("logo_url", self.logo_url.as_ref()),
            ("color", self.color.as_ref()),
            ("postal_address", self.postal_address.as_ref()),
            ("support_email", self.support_email.as_ref()),
        ]
    }
}

/// Where the way up ended without a name: that of the organization which ended it.
fn own_name(heard: &[Link], account: &AccountLook) -> Sourced {
    heard.last().map_or_else(
        || Sourced {
            value: account.name.clone(),
            from: BrandSource::Account,
            organization_id: None,
        },
        |link| Sourced {
            value: link.name.to_string(),
            from: BrandSource::Organization,
            organization_id: Some(link.id.clone()),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::text::Json;
    use crate::types::{Ids, Timestamp};

    fn link(name: &str, color: Option<&str>, takes_over: bool) -> Link {
        Link {
            id: Ids::seeded(name.len() as u64).next(Timestamp::from_micros(1)),
            name: Name::parse(name).expect("a name"),
            depth: 1,
            branding: Json(Branding {
                color: color.map(|text| Color::parse(text).expect("a colour")),
                ..Branding::default()
            })
            .0,
            inherit_branding: takes_over,
            inherit_catalog: true,
        }
    }

    fn account() -> AccountLook {
        AccountLook {
            name: "Training Ltd".to_owned(),
            brand: Brand {
                color: Some("#000000".to_owned()),
                support_email: Email::parse("help@training.example").ok(),
                ..Brand::default()
            },
        }
    }

    #[test]
    fn each_member_is_the_nearest_one_set() {
        let way = [
            link("Site", None, true),
            link("Country", Some("#112233"), true),
            link("Customer", Some("#445566"), true),
        ];
        let look = EffectiveBranding::of(&way, &account());
        let color = look.color.expect("a colour");
        assert_eq!(color.value, "#112233");
        assert_eq!(color.organization_id.as_ref(), Some(&way[1].id));
        assert_eq!(look.name.value, "Training Ltd");
        assert_eq!(
            look.support_email.map(|from| from.from),
            Some(BrandSource::Account)
        );
    }

    #[test]
    fn a_stop_hides_everything_above_it_the_account_included() {
        let way = [
            link("Site", None, true),
            link("Country", None, false),
            link("Customer", Some("#445566"), true),
        ];
        let look = EffectiveBranding::of(&way, &account());
        assert_eq!(look.color, None);
        assert_eq!(look.support_email, None);
        assert_eq!(look.name.value, "Country");
        assert_eq!(look.name.organization_id.as_ref(), Some(&way[1].id));
    }

    #[test]
    fn without_an_organization_it_is_the_accounts() {
        let look = EffectiveBranding::of(&[], &account());
        assert_eq!(look.name.value, "Training Ltd");
        assert_eq!(
            look.color.map(|color| color.value).as_deref(),
            Some("#000000")
        );
    }
}
