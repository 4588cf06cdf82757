//! What happened, in order, and the ways in which a time is written.

use jiff::Timestamp;
use maud::{Markup, Render, html};

use super::Tone;
use crate::dashboard::icons::Icon;

fn time(at: Timestamp, kind: &str, format: &str) -> Markup {
    html! { time datetime=(at.strftime("%Y-%m-%dT%H:%M:%SZ")) data-time=(kind) { (at.strftime(format)) } }
}

/// A day and time: UTC from the server, the reader's zone with script.
pub fn moment(at: Timestamp) -> Markup {
    time(at, "full", "%-d %b %Y, %H:%M UTC")
}

/// A day.
pub fn day(at: Timestamp) -> Markup {
    time(at, "day", "%-d %b %Y")
}

/// How long ago (or ahead) of the reader's clock; without script the day and time.
pub fn ago(at: Timestamp) -> Markup {
    time(at, "ago", "%-d %b %Y, %H:%M UTC")
}

/// One thing that happened.
#[derive(Clone, Debug)]
#[must_use]
pub struct TimelineItem {
    icon: Icon,
    tone: Tone,
    title: Markup,
    detail: Option<Markup>,
    at: Timestamp,
}

impl TimelineItem {
    /// `title` says in a few words what happened at `at`.
    pub fn new(icon: Icon, title: impl Render, at: Timestamp) -> Self {
        Self {
            icon,
            tone: Tone::Neutral,
            title: title.render(),
            detail: None,
            at,
        }
    }

    /// The colour of the icon.
    pub const fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// By whom, why, with which outcome.
    pub fn detail(mut self, detail: impl Render) -> Self {
        self.detail = Some(detail.render());
        self
    }
}

/// Events, newest first.
#[derive(Clone, Debug)]
pub struct Timeline(pub Vec<TimelineItem>);

impl Render for Timeline {
    fn render(&self) -> Markup {
        html! {
            ol.timeline {
                @for item in &self.0 {
                    li {
                        span class={ "timeline-icon tone-" (item.tone.name()) } { (item.icon) }
                        div {
                            div.timeline-line { span.strong { (item.title) } (ago(item.at)) }
                            @if let Some(detail) = &item.detail { div.timeline-detail { (detail) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_exact_for_machines_and_readable_without_script() {
        let at = Timestamp::from_second(1_789_000_000).unwrap();
        assert_eq!(
            moment(at).into_string(),
            r#"<time datetime="2026-09-10T00:26:40Z" data-time="full">10 Sep 2026, 00:26 UTC</time>"#
        );
    }

    #[test]
    fn text_in_the_timeline_is_escaped() {
        let item = TimelineItem::new(Icon::Mail, "Mail to <ada>", Timestamp::UNIX_EPOCH)
            .detail("550 <no>");
        let text = Timeline(vec![item]).render().into_string();
        assert!(
            text.contains("&lt;ada&gt;") && text.contains("&lt;no&gt;"),
            "{text}"
        );
    }
}
