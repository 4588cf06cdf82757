//! The guides: Markdown files of `docs/`, compiled in and written as pages.
//!
//! In the files everything is plain Markdown that reads well elsewhere. Here links between files lead to pages, code
//! spans that name an operation or a problem lead to its page, and the default address becomes the reader's own.

use maud::{Markup, PreEscaped, Render, html};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

use super::catalog;
use crate::dashboard::components::CodeBlock;
use crate::dashboard::icons::Icon;

/// The address that stands in the files for the reader's server.
pub(super) const DEFAULT_ORIGIN: &str = "http://127.0.0.1:8080";

/// A guide.
pub(super) struct Guide {
    /// The file's name in `docs/` without its extension, and the last part of the address.
    pub(super) name: &'static str,
    /// Its name in the navigation.
    pub(super) label: &'static str,
    /// One line on what it tells.
    pub(super) about: &'static str,
    /// Its icon.
    pub(super) icon: Icon,
    /// The file.
    pub(super) source: &'static str,
}

/// All guides, in the order in which they are read.
pub(super) const GUIDES: &[Guide] = &[
    Guide {
        name: "guide",
        label: "In ten minutes",
        about: "From an empty server to the welcome mail in six steps.",
        icon: Icon::Clock,
        source: include_str!("../../docs/guide.md"),
    },
    Guide {
        name: "provisioning",
        label: "Provisioning",
        about: "The one call that brings a person, a team and seats together.",
        icon: Icon::Bolt,
        source: include_str!("../../docs/provisioning.md"),
    },
    Guide {
        name: "seats",
        label: "Seats",
        about: "Allocations, terms, the waiting line, requests, holds, moves, shared seats.",
        icon: Icon::Seat,
        source: include_str!("../../docs/seats.md"),
    },
    Guide {
        name: "roles",
        label: "Roles and permissions",
        about: "Who may do what, who may give it, and why somebody may.",
        icon: Icon::Shield,
        source: include_str!("../../docs/roles.md"),
    },
    Guide {
        name: "organizations",
        label: "Organizations",
        about: "Customers as trees: moves, looks, catalogs, administrators, domains, groups.",
        icon: Icon::Building,
        source: include_str!("../../docs/organizations.md"),
    },
    Guide {
        name: "invitations",
        label: "Invitations and links",
        about: "How people come into a team: by mail, or by an address of its own.",
        icon: Icon::Mail,
        source: include_str!("../../docs/invitations.md"),
    },
    Guide {
        name: "commerce",
        label: "Catalog, orders and credits",
        about: "How places are sold: packs on offer, orders from a shop, credits and refunds.",
        icon: Icon::Cart,
        source: include_str!("../../docs/commerce.md"),
    },
    Guide {
        name: "enrollments",
        label: "Enrollments and progress",
        about: "Who is in which course, how far, until when, and why.",
        icon: Icon::Book,
        source: include_str!("../../docs/enrollments.md"),
    },
    Guide {
        name: "seats-over-time",
        label: "Seats over time",
        about: "Ledger, ends and reminders, low levels, places that nobody uses, settings.",
        icon: Icon::Clock,
        source: include_str!("../../docs/seats-over-time.md"),
    },
    Guide {
        name: "lifecycle",
        label: "Deleting, restoring, erasing, merging",
        about: "How people and teams go, come back and become one.",
        icon: Icon::Users,
        source: include_str!("../../docs/lifecycle.md"),
    },
    Guide {
        name: "api",
        label: "Conventions",
        about: "What every operation has in common.",
        icon: Icon::Code,
        source: include_str!("../../docs/api.md"),
    },
    Guide {
        name: "errors",
        label: "Errors",
        about: "How a problem is told, and what to do about it.",
        icon: Icon::Alert,
        source: include_str!("../../docs/errors.md"),
    },
    Guide {
        name: "idempotency",
        label: "Repeating safely",
        about: "How a request can be sent twice and happen once.",
        icon: Icon::Refresh,
        source: include_str!("../../docs/idempotency.md"),
    },
    Guide {
        name: "bulk",
        label: "Batches and bulk jobs",
        about: "Up to 100 records by one call, up to 100,000 in the background.",
        icon: Icon::Box,
        source: include_str!("../../docs/bulk.md"),
    },
    Guide {
        name: "events",
        label: "Events",
        about: "What has happened, in order and without holes; the audit trail and the mails.",
        icon: Icon::Activity,
        source: include_str!("../../docs/events.md"),
    },
    Guide {
        name: "reports",
        label: "Reports",
        about: "Questions over the whole account, by page or as a file.",
        icon: Icon::Chart,
        source: include_str!("../../docs/reports.md"),
    },
    Guide {
        name: "pagination",
        label: "Lists and pages",
        about: "Filters, search, order and pages of every list.",
        icon: Icon::List,
        source: include_str!("../../docs/pagination.md"),
    },
    Guide {
        name: "rate-limits",
        label: "Rate limits",
        about: "How many requests there are, and how to know what is left.",
        icon: Icon::Activity,
        source: include_str!("../../docs/rate-limits.md"),
    },
    Guide {
        name: "operating",
        label: "Operating",
        about: "Settings, databases, several nodes, backups, mail and health.",
        icon: Icon::Settings,
        source: include_str!("../../docs/operating.md"),
    },
];

impl Guide {
    /// Its page.
    pub(super) fn href(&self) -> String {
        format!("/docs/guides/{}", self.name)
    }

    /// The heading of the file.
    pub(super) fn title(&self) -> &'static str {
        let first = self.source.lines().next().unwrap_or_default();
        first.trim_start_matches("# ")
    }

    /// The file with the reader's own address in it.
    pub(super) fn markdown(&self, origin: &str) -> String {
        self.source.replace(DEFAULT_ORIGIN, origin)
    }
}

/// A guide as it stands on a page.
pub(super) struct Rendered {
    /// Everything below the heading.
    pub(super) body: Markup,
    /// Id and text of each section.
    pub(super) sections: Vec<(String, String)>,
}

/// Writes a file of Markdown. Its first line, the heading, is left to the page.
pub(super) fn render(markdown: &str) -> Rendered {
    let body = markdown.split_once('\n').map_or("", |(_, body)| body);
    let options = Options::ENABLE_TABLES;
    let mut writer = Writer {
        events: Vec::new(),
        sections: Vec::new(),
        heading: None,
        code: None,
        in_link: false,
    };
    for event in Parser::new_ext(body, options) {
        writer.take(event);
    }
    let mut out = String::new();
    push_html(&mut out, writer.events.into_iter());
    Rendered {
        body: html! { div.prose { (PreEscaped(out)) } },
        sections: writer.sections,
    }
}

struct Writer<'a> {
    events: Vec<Event<'a>>,
    sections: Vec<(String, String)>,
    /// The text of the heading that is open, and where its start stands among the events.
    heading: Option<(String, usize)>,
    /// The language and the text of the code block that is open.
    code: Option<(String, String)>,
    in_link: bool,
}

impl<'a> Writer<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => self.end_code(),
            Event::Text(text) if self.code.is_some() => {
                if let Some((_, code)) = &mut self.code {
                    code.push_str(&text);
                }
            }
            Event::Start(Tag::Heading { .. }) => {
                self.heading = Some((String::new(), self.events.len()));
                self.events.push(event);
            }
            Event::End(TagEnd::Heading(_)) => self.end_heading(event),
            Event::Start(Tag::Link { .. }) => self.start_link(event),
            Event::End(TagEnd::Link) => {
                self.in_link = false;
                self.events.push(event);
            }
            Event::Code(span) => self.code_span(span),
            Event::Start(Tag::Table(_)) => {
                self.html("<div class=\"prose-table\" tabindex=\"0\">");
                self.events.push(event);
            }
            Event::End(TagEnd::Table) => {
                self.events.push(event);
                self.html("</div>");
            }
            Event::Text(text) => {
                if let Some((heading, _)) = &mut self.heading {
                    heading.push_str(&text);
                }
                self.events.push(Event::Text(text));
            }
            other => self.events.push(other),
        }
    }

    fn html(&mut self, html: impl Into<CowStr<'a>>) {
        self.events.push(Event::Html(html.into()));
    }

    fn end_code(&mut self) {
        let Some((language, code)) = self.code.take() else {
            return;
        };
        let title = match language.as_str() {
            "sh" => "Shell",
            "json" => "JSON",
            "toml" => "Settings",
            "http" => "HTTP",
            "nginx" => "nginx",
            _ => "Text",
        };
        let block = CodeBlock {
            title: title.to_owned(),
            code: code.trim_end().to_owned(),
        };
        self.html(block.render().into_string());
    }

    fn end_heading(&mut self, end: Event<'a>) {
        self.events.push(end);
        let Some((text, start)) = self.heading.take() else {
            return;
        };
        let name = slug(&text);
        if let Some(Event::Start(Tag::Heading { level, id, .. })) = self.events.get_mut(start) {
            *id = Some(name.clone().into());
            if *level == pulldown_cmark::HeadingLevel::H2 {
                self.sections.push((name, text));
            }
        }
    }

    fn start_link(&mut self, event: Event<'a>) {
        self.in_link = true;
        let Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) = event
        else {
            return;
        };
        let dest_url = page_address(&dest_url).into();
        self.events.push(Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }));
    }

    fn code_span(&mut self, span: CowStr<'a>) {
        if let Some((heading, _)) = &mut self.heading {
            heading.push_str(&span);
        }
        let page = catalog::page_of(&span).filter(|_| !self.in_link);
        match page {
            Some(page) => self.html(html! { a href=(page) { code { (span) } } }.into_string()),
            None => self.events.push(Event::Code(span)),
        }
    }
}

/// Where a link of a file leads on the pages: `errors.md#types` to `/docs/guides/errors#types`.
fn page_address(link: &str) -> String {
    let (file, place) = link.split_once('#').unwrap_or((link, ""));
    let guide = GUIDES
        .iter()
        .find(|guide| file.strip_suffix(".md") == Some(guide.name));
    match guide {
        Some(guide) if place.is_empty() => guide.href(),
        Some(guide) => format!("{}#{place}", guide.href()),
        None => link.to_owned(),
    }
}

/// The id of a heading, as GitHub makes it: lower case, hyphens for spaces, nothing but letters and digits beside.
pub(super) fn slug(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_headings_spans_and_code_become_those_of_the_pages() {
        let text = "# Title\n\n## The `q` filter\n\nSee [errors](errors.md#types), `POST /api/users`, `rate_limited`, `other <b>`.\n\n```sh\ncurl '<x>'\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
        let page = render(text);
        let body = page.body.into_string();
        for part in [
            r#"<h2 id="the-q-filter">"#,
            r#"<a href="/docs/guides/errors#types">errors</a>"#,
            r#"<a href="/docs/reference/users#create_user"><code>POST /api/users</code></a>"#,
            r#"<a href="/docs/problems/rate_limited"><code>rate_limited</code></a>"#,
            "<code>other &lt;b&gt;</code>",
            "curl '&lt;x&gt;'",
            r#"<div class="prose-table" tabindex="0"><table>"#,
        ] {
            assert!(body.contains(part), "{part} in {body}");
        }
        assert!(!body.contains("Title"));
        assert_eq!(
            page.sections,
            [("the-q-filter".to_owned(), "The q filter".to_owned())]
        );
    }
}
