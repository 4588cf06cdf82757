//! The welcome mail with its link.

use serde_json::json;

use super::Work;
use crate::access::ActorKind;
use crate::access::links::{LinkPurpose, new_link};
use crate::email::{TemplateKind, outbox};
use crate::locale::Locale;
use crate::provisioning::answer::{MailAnswer, MailOutcome, SeatAnswer};
use crate::provisioning::scene::{First, Known, welcome_key};
use crate::resources::user::UserStatus;
use crate::resources::{Team, User};
use crate::seats::AssignmentState;

impl Work<'_> {
    /// The welcome mail, once for each person.
    pub(super) fn welcome(
        &mut self,
        user: &User,
        team: &Team,
        first: &First,
        known: &Known,
        seats: &[SeatAnswer],
    ) -> MailAnswer {
        if self.request.welcome_email == Some(false) {
            return MailAnswer {
                state: MailOutcome::Off,
                id: None,
            };
        }
        if known.was_welcomed || user.status == UserStatus::Active {
            return MailAnswer {
                state: MailOutcome::NotNeeded,
                id: None,
            };
        }
        let (link, statements) = new_link(
            self.ids,
            self.call.now,
            user.id.as_str(),
            LinkPurpose::Welcome,
        );
        let [end_older, insert] = statements;
        if first.user.is_some() {
            self.plan.write(end_older);
        }
        self.plan.write(insert);
        let name_of = |id: &str| {
            first
                .lines
                .iter()
                .find(|line| line.product.id.as_str() == id)
                .map(|line| line.product.name.to_string())
        };
        let assigned = seats.iter().filter_map(|seat| {
            Some((
                seat,
                seat.assignment
                    .as_ref()
                    .filter(|one| one.state == AssignmentState::Active)?,
            ))
        });
        let products: Vec<_> = assigned.map(|(seat, one)| json!({ "name": name_of(&seat.product_id), "courses": [], "ends_at": one.expires_at })).collect();
        let inviter = (self.call.caller.actor.kind == ActorKind::User)
            .then(|| self.call.caller.actor.name.to_string());
        let locale = user
            .locale
            .as_ref()
            .and_then(|tag| Locale::parse(tag.as_str()).ok());
        let mail = outbox::NewMail {
            kind: TemplateKind::Welcome,
            user_id: Some(user.id.to_string()),
            to: user.email.clone(),
            locale: locale
                .or_else(|| Locale::parse(&first.locale).ok())
                .unwrap_or_else(Locale::english),
            context: json!({
                "organization": first.organization.as_ref().map(|organization| organization.name.as_str()),
                "inviter": inviter,
                "team": team.name,
                "products": products,
            }),
            once_key: Some(welcome_key(&user.id)),
            link_id: Some(link.to_string()),
            provision_id: Some(self.id.to_string()),
        };
        let id = outbox::queue(&mut self.plan, self.ids, self.call.now, mail);
        MailAnswer {
            state: MailOutcome::Queued,
            id: Some(id.to_string()),
        }
    }
}
