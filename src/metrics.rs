//! Numbers for monitoring, in the OpenMetrics text format.
//!
//! What is counted for each request goes through handles made once ([`Metrics::operation`]), so the hot path costs an
//! atomic addition and one short lock, and no look-up. Labels come from our own code only, never from requests, so
//! their number is bounded.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The media type of [`Metrics::encode`]: OpenMetrics 1.0.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of request times, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Upper bounds of the number of statements lists in one group commit.
const BATCH: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// Classes of HTTP status, by first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Handles for one operation; clone it into the route.
#[derive(Clone, Debug)]
pub struct OperationMetrics {
    by_class: [Counter; 5],
    duration: Histogram,
}

impl OperationMetrics {
    /// Counts one answered request. A status outside 100 to 599 counts as 5xx.
    pub fn record(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).wrapping_sub(1);
        if let Some(counter) = self.by_class.get(class).or(self.by_class.last()) {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }
}

/// All metrics of one process. Clones share the same numbers.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<OperationLabels, Histogram, Buckets>,
    jobs: Family<JobLabels, Counter>,
    mails: Family<OutcomeLabels, Counter>,
    /// Requests refused by a limit.
    pub rate_limited: Counter,
    /// Jobs that are due and not yet claimed, as last counted.
    pub job_queue_depth: Gauge,
    /// Writes that went to the database in one commit.
    pub db_write_batch_size: Histogram,
    /// Statements and connections that failed for another reason than a named constraint.
    pub db_errors: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let requests = Family::default();
        let durations = Family::new_with_constructor(Buckets(&SECONDS));
        let (jobs, mails) = (Family::default(), Family::default());
        let (rate_limited, job_queue_depth, db_errors) =
            (Counter::default(), Gauge::default(), Counter::default());
        let db_write_batch_size = Buckets(&BATCH).new_metric();
        let mut registry = Registry::with_prefix("b2b");
        registry.register(
            "http_requests",
            "Requests answered, by operation and status class",
            Family::clone(&requests),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the request's head to the answer's",
            Unit::Seconds,
            Family::clone(&durations),
        );
        registry.register(
            "http_rate_limited",
            "Requests refused by a limit",
            Counter::clone(&rate_limited),
        );
        registry.register(
            "jobs",
            "Background jobs run, by kind and outcome",
            Family::clone(&jobs),
        );
        registry.register(
            "job_queue_depth",
            "Background jobs due and not yet claimed",
            Gauge::clone(&job_queue_depth),
        );
        registry.register("mails", "Mails, by outcome", Family::clone(&mails));
        registry.register(
            "db_write_batch_size",
            "Writes that shared one commit",
            Histogram::clone(&db_write_batch_size),
        );
        registry.register(
            "db_errors",
            "Database failures other than named constraints",
            Counter::clone(&db_errors),
        );
        Self {
            registry: Arc::new(registry),
            requests,
            durations,
            jobs,
            mails,
            rate_limited,
            job_queue_depth,
            db_write_batch_size,
            db_errors,
        }
    }

    /// The handles of one operation, named by its operation id (`list_users`). To be called once, when routes are made.
    pub fn operation(&self, operation: &'static str) -> OperationMetrics {
        OperationMetrics {
            by_class: CLASSES.map(|status| {
                self.requests
                    .get_or_create_owned(&RequestLabels { operation, status })
            }),
            duration: self
                .durations
                .get_or_create_owned(&OperationLabels { operation }),
        }
    }

    /// Counts one run of a job, such as (`deliver_webhook`, `done`).
    pub fn job_run(&self, kind: &'static str, outcome: &'static str) {
        self.jobs.get_or_create(&JobLabels { kind, outcome }).inc();
    }

    /// Counts one mail, such as `sent`, `failed` or `caught`.
    pub fn mail(&self, outcome: &'static str) {
        self.mails.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// The text to answer a scrape with, under [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail; no metric of ours has an encoder of its own.
        let written = encode(&mut text, &self.registry);
        debug_assert!(written.is_ok());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_what_was_counted() {
        let metrics = Metrics::new();
        let users = metrics.operation("list_users");
        users.record(200, Duration::from_millis(4));
        users.record(204, Duration::from_millis(40));
        users.record(404, Duration::from_mins(1));
        users.record(0, Duration::ZERO);
        users.record(999, Duration::ZERO);
        metrics.job_run("send_mail", "done");
        metrics.mail("sent");
        metrics.rate_limited.inc();
        metrics.job_queue_depth.set(7);
        metrics.db_write_batch_size.observe(3.0);
        metrics.db_errors.inc();
        let text = metrics.encode();
        for line in [
            "b2b_http_requests_total{operation=\"list_users\",status=\"2xx\"} 2",
            "b2b_http_requests_total{operation=\"list_users\",status=\"4xx\"} 1",
            "b2b_http_requests_total{operation=\"list_users\",status=\"5xx\"} 2",
            "b2b_http_request_duration_seconds_bucket{le=\"0.005\",operation=\"list_users\"} 3",
            "b2b_http_request_duration_seconds_bucket{le=\"+Inf\",operation=\"list_users\"} 5",
            "b2b_http_rate_limited_total 1",
            "b2b_jobs_total{kind=\"send_mail\",outcome=\"done\"} 1",
            "b2b_job_queue_depth 7",
            "b2b_mails_total{outcome=\"sent\"} 1",
            "b2b_db_write_batch_size_bucket{le=\"4.0\"} 1",
            "b2b_db_errors_total 1",
            "# UNIT b2b_http_request_duration_seconds seconds",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn clones_share_their_numbers() {
        let metrics = Metrics::new();
        metrics.clone().mail("sent");
        assert!(
            metrics
                .encode()
                .contains("b2b_mails_total{outcome=\"sent\"} 1")
        );
    }
}
