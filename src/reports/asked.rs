//! What a report is asked for: its filters, read from the members of a query, with days as the zone's calendar has them.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Report;
use super::cell::Clockwork;
use crate::access::Caller;
use crate::db::{Db, Select};
use crate::error::{Code, Error, Result};
use crate::records;
use crate::resource::Record;
use crate::resources::{Course, Organization, Product, Team};
use crate::types::{Ref, Timestamp};

/// What a report can be narrowed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// An organization with all below it.
    Organization,
    /// A team.
    Team,
    /// A product.
    Product,
    /// A course.
    Course,
    /// One of the report's words.
    Status,
    /// A label of the person or the seat.
    Tag,
    /// Where an order came from.
    Source,
    /// The first day.
    From,
    /// The last day.
    To,
}

impl Filter {
    /// Its name in the query.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::Product => "product",
            Self::Course => "course",
            Self::Status => "status",
            Self::Tag => "tag",
            Self::Source => "source",
            Self::From => "from",
            Self::To => "to",
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The zone and the moment.
    pub clockwork: Clockwork,
    /// The zone's IANA name.
    pub zone_name: String,
    /// The path of an organization.
    pub organization: Option<String>,
    /// The id of a team.
    pub team: Option<String>,
    /// The id of a product.
    pub product: Option<String>,
    /// The id of a course.
    pub course: Option<String>,
    /// Words of the report, one of which must fit.
    pub status: Option<Vec<String>>,
    /// A label.
    pub tag: Option<String>,
    /// The source of an order.
    pub source: Option<String>,
    /// The beginning of the first day.
    pub from: Option<Timestamp>,
    /// The end of the last day, which is not part of it.
    pub to: Option<Timestamp>,
}

fn refuse(detail: String) -> Error {
    Error::new(Code::InvalidParameter, detail)
}

impl Asked {
    /// Reads the members of a query; those that the report does not take are refused with those that it does.
    pub async fn read(
        db: &Db,
        caller: &Caller,
        report: &Report,
        query: &[(String, String)],
        now: Timestamp,
    ) -> Result<Self> {
        let given = |name: &str| query.iter().find(|(known, _)| known == name);
        let zone_name = match given("time_zone") {
            Some((_, name)) => name.clone(),
            None => account_zone(db, caller).await?,
        };
        let zone = TimeZone::get(&zone_name).map_err(|_| {
            refuse("time_zone takes an IANA name such as Europe/Berlin.".to_owned())
        })?;
        let mut asked = Self {
            clockwork: Clockwork { zone, now },
            zone_name,
            organization: None,
            team: None,
            product: None,
            course: None,
            status: None,
            tag: None,
            source: None,
            from: None,
            to: None,
        };
        for (name, value) in query.iter().filter(|(name, _)| name != "time_zone") {
            let filter = report
                .filters
                .iter()
                .copied()
                .find(|filter| filter.name() == name);
            let Some(filter) = filter else {
                let names: Vec<_> = report.filters.iter().map(|filter| filter.name()).collect();
                return Err(refuse(format!(
                    "This report has no parameter «{}». It takes: time_zone, format, limit, cursor, {}.",
                    name.chars().take(60).collect::<String>(),
                    names.join(", ")
                )));
            };
            asked.narrow(db, caller, report, filter, value).await?;
        }
        if let (Some(from), Some(to)) = (asked.from, asked.to)
            && from >= to
        {
            return Err(refuse("from must not be after to.".to_owned()));
        }
        Ok(asked)
    }

    async fn narrow(
        &mut self,
        db: &Db,
        caller: &Caller,
        report: &Report,
        filter: Filter,
        value: &str,
    ) -> Result<()> {
        match filter {
            Filter::Organization => {
                self.organization = Some(named::<Organization>(db, caller, value).await?.path);
            }
            Filter::Team => {
                self.team = Some(named::<Team>(db, caller, value).await?.id.to_string());
            }
            Filter::Product => {
                self.product = Some(named::<Product>(db, caller, value).await?.id.to_string());
            }
            Filter::Course => {
                self.course = Some(named::<Course>(db, caller, value).await?.id.to_string());
            }
            Filter::Status => {
                let words: Vec<String> = value.split(',').map(str::to_owned).collect();
                if !words
                    .iter()
                    .all(|word| report.statuses.contains(&word.as_str()))
                {
                    let known = report.statuses.join(", ");
                    return Err(refuse(format!("status takes {known}; several by comma.")));
                }
                self.status = Some(words);
            }
            Filter::Tag => {
                if !is_label(value) {
                    return Err(refuse(format!(
                        "tag takes a label of {LABEL} characters at the most."
                    )));
                }
                self.tag = Some(value.to_owned());
            }
            Filter::Source => {
                if !is_label(value) {
                    return Err(refuse(
                        "source takes the name of a shop, or api, catalog, provision.".to_owned(),
                    ));
                }
                self.source = Some(value.to_owned());
            }
            Filter::From => self.from = Some(self.begin_of(value, 0)?),
            Filter::To => self.to = Some(self.begin_of(value, 1)?),
        }
        Ok(())
    }

    /// The first moment of the day that is so many days after this one. Not every day begins at midnight.
    fn begin_of(&self, text: &str, later: i32) -> Result<Timestamp> {
        let wrong = || refuse("from and to take a day such as 2027-01-31.".to_owned());
        let date: Date = text
            .parse()
            .ok()
            .filter(|_| text.len() == 10)
            .ok_or_else(wrong)?;
        let day = date
            .checked_add(jiff::Span::new().days(later))
            .map_err(|_| wrong())?;
        let begin = day
            .to_zoned_datetime(self.clockwork.zone.clone())
            .and_then(|begin| begin.start_of_day())
            .map_err(|_| wrong())?;
        Ok(Timestamp::from_micros(begin.timestamp().as_microsecond()))
    }

    /// What a cursor is bound to.
    pub fn binding(&self, report: &Report, caller: &Caller) -> String {
        format!(
            "{} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            caller.account,
            report.name,
            self.zone_name,
            self.organization,
            self.team,
            self.product,
            self.course,
            self.status,
            self.tag,
            self.source,
            self.from,
            self.to
        )
    }
}

async fn account_zone(db: &Db, caller: &Caller) -> Result<String> {
    let select = Select::new(
        "SELECT timezone FROM accounts WHERE account_id = $1",
        Vec::new(),
    );
    let zone = db.first::<(String,)>(&caller.account, select).await?;
    Ok(zone.map_or_else(|| "UTC".to_owned(), |(zone,)| zone))
}

/// The record that a filter names; what is out of reach is not there.
async fn named<R: Record>(db: &Db, caller: &Caller, text: &str) -> Result<R> {
    let kind = R::KIND;
    let reference = Ref::<R>::parse(text).map_err(|_| {
        refuse(format!(
            "{kind} takes an id ({kind}_…) or ext:<your own key>."
        ))
    })?;
    records::maybe::<R>(db, caller, &reference)
        .await?
        .ok_or_else(|| refuse(format!("There is no such {kind} in this account.")))
}

/// Characters of a tag or a source at the most.
pub const LABEL: usize = 200;

fn is_label(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0') && text.chars().count() <= LABEL
}
