//! Log and traces.
//!
//! The log goes to standard error, as text or JSON. Traces go to an OpenTelemetry collector over OTLP/HTTP, if one is
//! set: collected in memory and sent by a thread of their own, so that a slow or missing collector never holds a request
//! up; what does not fit is dropped. Requests continue the trace of their caller by the W3C `traceparent` header.

use std::collections::HashMap;
use std::io::{self, IsTerminal};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};
use url::Url;

use crate::config::{LogConfig, LogFormat, TelemetryConfig};

/// Name of the tracer, as OpenTelemetry calls the instrumented library.
const SCOPE: &str = "b2b_dashboard";
/// The target under which the trace exporter talks about itself.
const EXPORTER_TARGETS: [&str; 5] = ["opentelemetry", "hyper", "hyper_util", "reqwest", "h2"];

/// Why log or traces could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// `log.level` is malformed.
    #[error("log.level is not a filter")]
    Level(#[from] ParseError),
    /// The collector's address cannot be used.
    #[error("telemetry.otlp_endpoint cannot be used: {0}")]
    Endpoint(String),
    /// There is a log already in this process.
    #[error("the log is set up already")]
    Twice(#[from] TryInitError),
}

/// Keeps the traces flowing; call [`Telemetry::shutdown`] last of all.
#[derive(Debug)]
#[must_use = "traces are lost unless it is shut down at the end"]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sets up log and traces for the whole process; once.
    pub fn start(log: &LogConfig, telemetry: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let provider = telemetry
            .otlp_endpoint
            .as_ref()
            .map(|url| provider(url, &telemetry.service_name))
            .transpose()?;
        let colours = io::stderr().is_terminal();
        let traces = provider.as_ref().map(|provider| {
            // The exporter's own requests must not become traces to export.
            let own = EXPORTER_TARGETS
                .iter()
                .fold(EnvFilter::new("info"), |filter, target| {
                    match format!("{target}=off").parse() {
                        Ok(directive) => filter.add_directive(directive),
                        Err(_) => filter,
                    }
                });
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer(SCOPE))
                .with_filter(own)
        });
        Registry::default()
            .with(traces)
            .with(log_layer(log, io::stderr, colours)?)
            .try_init()?;
        Ok(Self { provider })
    }

    /// Sends the traces that are still in memory and waits for it, some seconds at most. It blocks: on a server, run it
    /// after the runtime has stopped or on a thread for blocking work.
    pub fn shutdown(self) {
        if let Some(Err(error)) = self.provider.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// The layer that writes the log; the spans' fields are on every line within them.
fn log_layer<S, W>(
    log: &LogConfig,
    writer: W,
    colours: bool,
) -> Result<Box<dyn Layer<S> + Send + Sync>, TelemetryError>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&log.level)?;
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    Ok(match log.format {
        LogFormat::Text => layer.with_ansi(colours).with_filter(filter).boxed(),
        LogFormat::Json => {
            let json = layer
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false);
            json.with_filter(filter).boxed()
        }
    })
}

fn provider(endpoint: &Url, service_name: &str) -> Result<SdkTracerProvider, TelemetryError> {
    // The exporter's client takes the process's default provider; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The OTLP specification appends the signal's path to a base address.
    let address = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(address)
        .build()
        .map_err(|error| TelemetryError::Endpoint(error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name(service_name.to_owned())
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// Makes `span` a child of the caller's span, from the request's `traceparent` and `tracestate` (W3C Trace Context).
/// Does nothing if the header is missing or malformed, or no traces are sent.
pub fn continue_trace(span: &Span, traceparent: Option<&str>, tracestate: Option<&str>) {
    let Some(traceparent) = traceparent else {
        return;
    };
    let mut carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    carrier.extend(tracestate.map(|state| ("tracestate".to_owned(), state.to_owned())));
    let context = TraceContextPropagator::new().extract(&carrier);
    // It fails where no trace layer is active or the span is filtered out: nothing to continue then.
    let _ = span.set_parent(context);
}

/// The `traceparent` and `tracestate` headers to send with a request made within `span`; empty if no traces are sent.
pub fn trace_headers(span: &Span) -> Vec<(String, String)> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    let mut headers: Vec<_> = carrier
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    headers.sort();
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::with_default;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str, work: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let log = LogConfig {
            format,
            level: level.to_owned(),
        };
        let layer = log_layer(&log, move || writer.clone(), false).unwrap();
        with_default(Registry::default().with(layer), work);
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_carry_the_fields_of_their_span() {
        let text = logged(LogFormat::Json, "info", || {
            let _in = tracing::info_span!("request", request_id = "req_1").entered();
            tracing::info!(duration_ms = 3, "answered");
            tracing::debug!("not shown");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "answered");
        assert_eq!(line["duration_ms"], 3);
        assert_eq!(line["span"]["request_id"], "req_1");
    }

    #[test]
    fn text_has_no_colours_outside_a_terminal_and_obeys_the_filter() {
        let text = logged(
            LogFormat::Text,
            "warn,b2b_dashboard::telemetry=debug",
            || tracing::debug!(n = 1, "shown"),
        );
        assert!(
            text.contains("shown n=1") && !text.contains('\u{1b}'),
            "{text}"
        );
        assert_eq!(
            logged(LogFormat::Text, "warn", || tracing::info!("hidden")),
            ""
        );
    }

    /// Takes one HTTP request and answers 200; gives its head and body.
    fn take_one(listener: &TcpListener) -> (String, Vec<u8>) {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let count = stream.read(&mut chunk).unwrap();
            bytes.extend(&chunk[..count]);
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
                continue;
            };
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let lower = head.to_ascii_lowercase();
            let length = lower
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().parse().unwrap();
            if bytes.len() >= end + 4 + length {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .unwrap();
                return (head, bytes[end + 4..].to_vec());
            }
        }
    }

    #[test]
    fn spans_reach_the_collector_at_shutdown_within_the_callers_trace() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let collector = std::thread::spawn(move || take_one(&listener));
        let telemetry = Telemetry {
            provider: Some(provider(&endpoint, "test-service").unwrap()),
        };
        let tracer = telemetry.provider.as_ref().unwrap().tracer(SCOPE);
        let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        with_default(
            Registry::default().with(tracing_opentelemetry::layer().with_tracer(tracer)),
            || {
                let span = tracing::info_span!("provision_person");
                continue_trace(&span, Some(caller), Some("vendor=1"));
                let headers = trace_headers(&span);
                assert_eq!(headers.len(), 2);
                assert!(
                    headers[0]
                        .1
                        .starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
                    "{headers:?}"
                );
                assert_ne!(headers[0].1, caller);
                continue_trace(&tracing::info_span!("other"), Some("nonsense"), None);
            },
        );
        telemetry.shutdown();
        let (head, body) = collector.join().unwrap();
        assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains("provision_person") && body.contains("test-service"));
    }

    #[test]
    fn without_traces_there_are_no_headers() {
        with_default(Registry::default(), || {
            let span = tracing::info_span!("request");
            continue_trace(
                &span,
                Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                None,
            );
            assert_eq!(trace_headers(&span), Vec::new());
        });
    }
}
