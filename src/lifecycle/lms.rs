//! What a call says about a person's account in the LMS: kept as a row of the same change and told to the LMS later.
//! Without a word the account there is left alone, always.

use crate::db::Statement;
use crate::events::{Event, Plan};
use crate::params;
use crate::resources::User;
use crate::types::{Id, Ids, Kind, Timestamp};

crate::words! {
    /// What becomes of the person's account in the LMS.
    pub enum LmsAction {
        /// It is left alone.
        Keep = "keep",
        /// It is suspended.
        Suspend = "suspend",
        /// It is deleted.
        Delete = "delete",
    }
}

/// A wish about an account in the LMS.
pub enum LmsWish {}

impl Kind for LmsWish {
    const PREFIX: &'static str = "lms_wish";
}

/// Adds the wish to a plan, where there is an account that it could concern.
pub fn wish(plan: &mut Plan, ids: &Ids, now: Timestamp, user: &User, action: LmsAction) {
    let (Some(account), true) = (&user.lms_user_id, action != LmsAction::Keep) else {
        return;
    };
    let id: Id<LmsWish> = ids.next(now);
    let data = serde_json::json!({ "id": id, "user_id": user.id, "lms_user_id": account, "action": action });
    plan.write(Statement::new(
        "INSERT INTO lms_wishes (account_id, id, user_id, lms_user_id, action, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![id, user.id.clone(), account.clone(), action, now],
    ));
    plan.event(Event::new("user.lms_requested", &user.id, data).user(&user.id));
}
