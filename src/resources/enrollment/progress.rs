//! Progress in a course, as the LMS or another system tells it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Enrollment, EnrollmentStatus};
use crate::error::{Error, Fault, Result};
use crate::events::Event;
use crate::resource::Resource;
use crate::types::Timestamp;

/// What is told of a person's progress. Absent members stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Progress {
    /// Progress, 0 to 100; 100 completes. A lower one than known is passed over, unless `allow_decrease` says otherwise.
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<i64>,
    /// When the person began; the earliest told counts.
    pub started_at: Option<Timestamp>,
    /// When the person finished; completes. What is completed stays completed.
    pub completed_at: Option<Timestamp>,
    /// When the person was last in the course; the latest told counts.
    pub last_activity_at: Option<Timestamp>,
    /// Whether a lower percent than known is meant, as after a course was started anew.
    pub allow_decrease: bool,
}

impl Enrollment {
    /// The enrollment after what was told, with the verbs of the events that it means: `started`, `progressed`,
    /// `completed`. Late and doubled tellings change nothing: the percent never falls unasked, the beginning never moves
    /// later, and what is completed stays so.
    pub fn advance(&self, told: &Progress, now: Timestamp) -> Result<(Self, Vec<&'static str>)> {
        check_progress(told, now)?;
        let mut after = self.clone();
        let mut verbs = Vec::new();
        let percent = told.percent.unwrap_or(self.percent);
        let percent = if percent < self.percent && !told.allow_decrease {
            self.percent
        } else {
            percent
        };
        let completes = told.completed_at.is_some() || percent == 100;
        let active_at = told
            .last_activity_at
            .or(told.completed_at)
            .or(told.started_at);
        let has_begun = told.started_at.is_some() || percent > 0 || completes;
        after.started_at = match (self.started_at, told.started_at) {
            (Some(known), Some(told)) => Some(known.min(told)),
            (Some(known), None) => Some(known),
            (None, Some(told)) => Some(told),
            (None, None) if has_begun => Some(active_at.unwrap_or(now)),
            (None, None) => None,
        };
        if self.started_at.is_none() && after.started_at.is_some() {
            verbs.push("started");
        }
        if self.completed_at.is_some() {
            // What is completed stays at its hundred.
            after.completed_at = self
                .completed_at
                .min(told.completed_at.or(self.completed_at));
        } else {
            after.percent = if completes { 100 } else { percent };
            if completes {
                after.completed_at = Some(told.completed_at.unwrap_or(active_at.unwrap_or(now)));
                after.status = EnrollmentStatus::Completed;
                verbs.push("completed");
            } else if after.percent != self.percent {
                verbs.push("progressed");
            }
        }
        after.last_activity_at = self
            .last_activity_at
            .max(active_at)
            .or_else(|| (!verbs.is_empty()).then_some(now));
        if after != *self {
            after.updated_at = now;
        }
        Ok((after, verbs))
    }

    /// The event of a progress, with the changed members as they were.
    pub fn progress_event(&self, verb: &str, before: &Self) -> Event {
        self.event(verb)
            .previous(json!({ "status": before.status, "percent": before.percent }))
    }
}

fn check_progress(told: &Progress, now: Timestamp) -> Result<()> {
    let mut faults = Vec::new();
    if told
        .percent
        .is_some_and(|percent| !(0..=100).contains(&percent))
    {
        faults.push(Fault::new(
            "/percent",
            "out_of_range",
            "The percent is a number from 0 to 100.",
        ));
    }
    let times = [
        ("/started_at", told.started_at),
        ("/completed_at", told.completed_at),
        ("/last_activity_at", told.last_activity_at),
    ];
    for (pointer, at) in times {
        // A day of leeway for clocks that are ahead.
        if at.is_some_and(|at| at > now.plus_days(1)) {
            faults.push(Fault::new(
                pointer,
                "in_the_future",
                "Progress is told of what has happened; the time lies in the future.",
            ));
        }
    }
    if let (Some(begin), Some(end)) = (told.started_at, told.completed_at)
        && begin > end
    {
        faults.push(Fault::new(
            "/completed_at",
            "before_start",
            "The end lies before the beginning.",
        ));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::EnrollmentStatus;
    use super::*;
    use crate::resources::enrollment::EnrollmentSource;
    use crate::types::Ids;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn fresh() -> Enrollment {
        let ids = Ids::seeded(1);
        Enrollment {
            id: ids.next(NOW),
            user_id: ids.next(NOW),
            course_id: ids.next(NOW),
            source: EnrollmentSource::Seat,
            external_id: None,
            status: EnrollmentStatus::Active,
            percent: 0,
            started_at: None,
            completed_at: None,
            expires_at: None,
            last_activity_at: None,
            version: 1,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn percent(percent: i64) -> Progress {
        Progress {
            percent: Some(percent),
            ..Progress::default()
        }
    }

    #[test]
    fn progress_begins_goes_on_and_ends_once() {
        let (begun, verbs) = fresh().advance(&percent(10), NOW).expect("progress");
        assert_eq!(verbs, ["started", "progressed"]);
        let (same, verbs) = begun
            .advance(&percent(10), NOW.plus_days(1))
            .expect("progress");
        assert!(
            verbs.is_empty() && same == begun,
            "a repeat changes nothing"
        );
        let (late, verbs) = begun.advance(&percent(5), NOW).expect("progress");
        assert!(
            verbs.is_empty() && late.percent == 10,
            "a late telling changes nothing"
        );
        let back = Progress {
            allow_decrease: true,
            ..percent(5)
        };
        let (anew, verbs) = begun.advance(&back, NOW).expect("progress");
        assert_eq!(
            (anew.percent, verbs.as_slice()),
            (5, ["progressed"].as_slice())
        );
        let (done, verbs) = begun.advance(&percent(100), NOW).expect("progress");
        assert_eq!(verbs, ["completed"]);
        assert_eq!(done.status, EnrollmentStatus::Completed);
        let (still, verbs) = done.advance(&back, NOW.plus_days(2)).expect("progress");
        assert!(verbs.is_empty());
        assert_eq!(
            (still.percent, still.status),
            (100, EnrollmentStatus::Completed)
        );
    }

    #[test]
    fn what_is_over_can_still_be_completed() {
        let over = Enrollment {
            status: EnrollmentStatus::Expired,
            ..fresh()
        };
        let (begun, _) = over.advance(&percent(50), NOW).expect("progress");
        assert_eq!(begun.status, EnrollmentStatus::Expired);
        let (done, _) = over.advance(&percent(100), NOW).expect("progress");
        assert_eq!(done.status, EnrollmentStatus::Completed);
    }

    #[test]
    fn impossible_tellings_are_refused_all_at_once() {
        let told = Progress {
            percent: Some(101),
            started_at: Some(NOW),
            completed_at: Some(NOW.plus_days(-1)),
            last_activity_at: Some(NOW.plus_days(3)),
            ..Progress::default()
        };
        let error = fresh().advance(&told, NOW).expect_err("faults");
        assert_eq!(error.faults().len(), 3, "{error:?}");
    }
}
