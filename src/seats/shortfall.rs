//! What happens to places in use when a quantity falls below them: one policy for `PATCH /seats/{id}`, refunds and undo.

use super::assignment::Assignment;
use super::change::Change;
use super::seat::Seat;
use crate::db::Select;
use crate::error::{Code, Error, Result};
use crate::params;
use crate::types::{Id, json_list};

crate::words! {
    /// What happens when a quantity is to fall below what is in use.
    pub enum OnShortfall {
        /// It is refused: 409 `quantity_below_usage`, with the number of those who hold places.
        Refuse = "refuse",
        /// It falls, and the places beyond it are marked as overage.
        Overage = "overage",
        /// Those who have begun none of the courses lose their places, the newest first; if they are too few, it is refused.
        RevokeUnstarted = "revoke_unstarted",
    }
}

/// So many places are taken back in one list of writes at the most.
pub const AT_ONCE: i64 = 300;

/// The read of those who could lose their places: of each of these seats those who hold one and have begun nothing, the
/// newest first. None where the policy or the numbers need nobody.
pub fn wanted(seats: &[(Id<Seat>, i64)], policy: OnShortfall) -> Option<Select> {
    let short: Vec<_> = seats
        .iter()
        .filter(|(_, over)| *over > 0)
        .map(|(seat, _)| seat.as_str())
        .collect();
    (policy == OnShortfall::RevokeUnstarted && !short.is_empty()).then(|| {
        Select::rows::<Assignment>(
            &format!(
                "WHERE account_id = $1 AND seat_id IN (SELECT value FROM JSON_LIST($2) AS short) AND state IN ('reserved', 'active') AND {} \
                 ORDER BY COALESCE(starts_at, created_at) DESC, id DESC LIMIT $3",
                super::change::UNSTARTED
            ),
            params![json_list(&short), AT_ONCE],
        )
    })
}

/// Makes a change fit whose quantity has fallen below what is in use, and names those who lost their places.
/// `unstarted` are the rows of [`wanted`].
pub fn settle(
    change: &mut Change<'_>,
    policy: OnShortfall,
    unstarted: &[Assignment],
) -> Result<Vec<Assignment>> {
    let over = over(change.seat());
    if over <= 0 {
        return Ok(Vec::new());
    }
    match policy {
        OnShortfall::Refuse => Err(below_usage(change.seat(), None)),
        OnShortfall::Overage => {
            change.mark_overage();
            Ok(Vec::new())
        }
        OnShortfall::RevokeUnstarted => {
            let seat_id = change.seat().id.clone();
            let here: Vec<_> = unstarted
                .iter()
                .filter(|one| one.seat_id == seat_id && !change.touches(&one.id))
                .collect();
            let count = usize::try_from(over).unwrap_or(usize::MAX);
            if here.len() < count {
                return Err(below_usage(change.seat(), Some(here.len())));
            }
            here.into_iter()
                .take(count)
                .map(|one| change.withdraw(one))
                .collect()
        }
    }
}

/// Places in use beyond the quantity.
fn over(seat: &Seat) -> i64 {
    seat.quantity.map_or(0, |quantity| seat.used() - quantity)
}

/// 409 `quantity_below_usage`, with the numbers and the ways out.
fn below_usage(seat: &Seat, revocable: Option<usize>) -> Error {
    let quantity = seat.quantity.unwrap_or(0);
    let way = match revocable {
        None => {
            "Revoke some first, or say «on_shortfall»: «overage» or «revoke_unstarted».".to_owned()
        }
        Some(few) => format!(
            "Only {few} of those who hold them have begun nothing. Revoke some by name, or say «on_shortfall»: «overage»."
        ),
    };
    let error = Error::new(
        Code::QuantityBelowUsage,
        format!(
            "{} places are in use, and {quantity} would be left. {way}",
            seat.used()
        ),
    )
    .with("seat_id", seat.id.as_str())
    .with("in_use", seat.used())
    .with("holders", seat.assigned)
    .with("requested", quantity);
    match revocable {
        Some(few) => error.with("revocable", few),
        None => error,
    }
}
