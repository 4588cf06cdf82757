//! Each operation as a program in five languages, ready to run: pure text from the operation and the server's address.
//!
//! Every program reads the key from the environment variable `API_KEY`, needs nothing but its language (Rust: the crates
//! named in its first line) and prints the answer.

use axum::http::Method;
use serde_json::Value as JsonValue;

use super::literal::{
    JSON, PHP, PYTHON, RUST, json_text, literal, php_text, rust_text, shell_text,
};
use crate::http::endpoint::Endpoint;

/// An operation as a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The language's name, as it stands on the tab.
    pub language: &'static str,
    /// The program.
    pub code: String,
}

/// The end of an id that is nobody's.
pub(super) const SAMPLE_ID: &str = "01h455vb4pex5vsknk084sn02q";

/// What stands for a record in a path, by the part before it. Others have no key of the caller's: an id stands there.
const REFERENCES: &[(&str, &str)] = &[
    ("users", "ext:crm-81"),
    ("members", "ext:crm-81"),
    ("teams", "ext:team-7"),
    ("organizations", "ext:acme"),
    ("courses", "ext:course-12"),
    ("products", "ext:safety-101"),
    ("seats", "ext:seat-3"),
    ("seat-templates", "ext:yearly"),
    ("seat_templates", "ext:yearly"),
    ("seat_assignments", "assignment_01h455vb4pex5vsknk084sn02q"),
    ("api_keys", "key_01h455vb4pex5vsknk084sn02q"),
    ("audit_facts", "audit_01h455vb4pex5vsknk084sn02q"),
];

/// What a language needs to know of a call.
struct Call {
    method: Method,
    url: String,
    body: Option<JsonValue>,
    has_answer: bool,
    is_picture: bool,
}

/// The operation in every language, for the server at `origin` (scheme, host and port without a slash at the end).
pub fn examples(endpoint: &Endpoint, origin: &str) -> Vec<Example> {
    let call = Call {
        method: endpoint.method.clone(),
        url: format!("{origin}{}", address(endpoint)),
        body: endpoint
            .input
            .as_ref()
            .map(|input| input.example.clone().unwrap_or_default()),
        has_answer: endpoint.status != 204,
        is_picture: !endpoint.pictures.is_empty(),
    };
    [
        ("curl", curl(&call)),
        ("JavaScript", javascript(&call)),
        ("Python", python(&call)),
        ("PHP", php(&call)),
        ("Rust", rust(&call)),
    ]
    .map(|(language, code)| Example { language, code })
    .into()
}

/// The address of an operation with sample references in its places.
fn address(endpoint: &Endpoint) -> String {
    let mut noun = "";
    let mut address = String::from("/api");
    for part in endpoint.path.split('/').skip(1) {
        address.push('/');
        if part.starts_with('{') {
            address.push_str(&reference(noun, part));
        } else {
            noun = part;
            address.push_str(part);
        }
    }
    if endpoint.query.iter().any(|member| member.name == "limit") {
        address.push_str("?limit=10");
    }
    address
}

fn reference(noun: &str, place: &str) -> String {
    let known = REFERENCES.iter().find(|(name, _)| *name == noun);
    if let Some((_, reference)) = known {
        return (*reference).to_owned();
    }
    let own = place.trim_matches(['{', '}']);
    let kind = if own == "id" {
        noun.strip_suffix('s').unwrap_or(noun).replace('-', "_")
    } else {
        own.trim_end_matches("_id").to_owned()
    };
    format!("{kind}_{SAMPLE_ID}")
}

fn curl(call: &Call) -> String {
    let method = match call.method {
        Method::GET => String::new(),
        ref other => format!("-X {other} "),
    };
    let mut code = format!(
        "curl {method}{} \\\n  -H \"Authorization: Bearer $API_KEY\"",
        shell_text(&call.url)
    );
    if let Some(body) = &call.body {
        code.push_str(" \\\n  -H \"Content-Type: application/json\" \\\n  -d ");
        code.push_str(&shell_text(&literal(body, &JSON, 0)));
    }
    code
}

fn javascript(call: &Call) -> String {
    let (kind, body) = call.body.as_ref().map_or_else(Default::default, |body| {
        let kind = "\n    \"Content-Type\": \"application/json\",";
        (
            kind,
            format!("\n  body: JSON.stringify({}),", literal(body, &JSON, 2)),
        )
    });
    let answer = match (call.has_answer, call.is_picture) {
        (false, _) => "",
        (true, false) => ", await response.json()",
        (true, true) => ", await response.text()",
    };
    format!(
        "const response = await fetch({}, {{\n  method: \"{}\",\n  headers: {{\n    Authorization: `Bearer ${{process.env.API_KEY}}`,{kind}\n  }},{body}\n}});\nconsole.log(response.status{answer});",
        json_text(&call.url),
        call.method,
    )
}

fn python(call: &Call) -> String {
    let (import, kind, body) = call.body.as_ref().map_or_else(
        || ("import os, urllib.error, urllib.request", "", String::new()),
        |body| {
            (
                "import json, os, urllib.error, urllib.request",
                "\n        \"Content-Type\": \"application/json\",",
                format!(
                    "\n    data=json.dumps({}).encode(),",
                    literal(body, &PYTHON, 4)
                ),
            )
        },
    );
    format!(
        "{import}\n\nrequest = urllib.request.Request(\n    {},\n    method=\"{}\",\n    headers={{\n        \"Authorization\": \"Bearer \" + os.environ[\"API_KEY\"],{kind}\n    }},{body}\n)\ntry:\n    response = urllib.request.urlopen(request)\nexcept urllib.error.HTTPError as problem:\n    response = problem\nprint(response.status, response.read().decode())",
        json_text(&call.url),
        call.method,
    )
}

fn php(call: &Call) -> String {
    let (kind, body) = call.body.as_ref().map_or_else(Default::default, |body| {
        (
            ", 'Content-Type: application/json'",
            format!("\n  'content' => json_encode({}),", literal(body, &PHP, 2)),
        )
    });
    format!(
        "<?php\n$context = stream_context_create(['http' => [\n  'method' => '{}',\n  'header' => ['Authorization: Bearer ' . getenv('API_KEY'){kind}],{body}\n  'ignore_errors' => true,\n]]);\necho file_get_contents({}, false, $context), \"\\n\";",
        call.method,
        php_text(&call.url),
    )
}

fn rust(call: &Call) -> String {
    let (crates, body) = call.body.as_ref().map_or_else(
        || ("// cargo add reqwest --features blocking", String::new()),
        |body| {
            (
                "// cargo add reqwest --features blocking,json && cargo add serde_json",
                format!(
                    "\n        .json(&serde_json::json!({}))",
                    literal(body, &RUST, 8)
                ),
            )
        },
    );
    format!(
        "{crates}\nfn main() -> Result<(), Box<dyn std::error::Error>> {{\n    let response = reqwest::blocking::Client::new()\n        .{}({})\n        .bearer_auth(std::env::var(\"API_KEY\")?){body}\n        .send()?;\n    println!(\"{{}} {{}}\", response.status(), response.text()?);\n    Ok(())\n}}",
        call.method.as_str().to_lowercase(),
        rust_text(&call.url),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::reply::Reply;
    use serde_json::json;

    fn endpoint(method: Method, path: &'static str) -> Endpoint {
        Endpoint::new(method, path, "x", "users", |_, _| async {
            Ok(Reply::empty())
        })
    }

    fn code(endpoint: &Endpoint, language: &str) -> String {
        let all = examples(endpoint, "https://learn.example.com");
        all.into_iter()
            .find(|example| example.language == language)
            .unwrap()
            .code
    }

    #[test]
    fn places_are_filled_with_references_that_fit() {
        for (path, wanted) in [
            ("/users/{id}", "/api/users/ext:crm-81"),
            (
                "/teams/{id}/members/{user}",
                "/api/teams/ext:team-7/members/ext:crm-81",
            ),
            (
                "/provisions/{id}",
                "/api/provisions/provision_01h455vb4pex5vsknk084sn02q",
            ),
            ("/keys/{key_id}", "/api/keys/key_01h455vb4pex5vsknk084sn02q"),
        ] {
            assert_eq!(address(&endpoint(Method::GET, path)), wanted);
        }
    }

    #[test]
    fn a_body_is_one_argument_in_every_language() {
        let example = json!({ "name": "O'Neil \"$HOME\" `id` \\", "on": true });
        let post = endpoint(Method::POST, "/users").takes::<JsonValue>(example.clone());
        let shell = code(&post, "curl");
        assert!(
            shell.contains("O'\\''Neil \\\"$HOME\\\" `id` \\\\"),
            "{shell}"
        );
        let script = code(&post, "JavaScript");
        let body = script
            .split("JSON.stringify(")
            .nth(1)
            .and_then(|rest| rest.split("),\n}").next());
        assert_eq!(
            serde_json::from_str::<JsonValue>(body.unwrap()).unwrap(),
            example
        );
        assert!(code(&post, "Python").contains("\"on\": True"));
        assert!(code(&post, "PHP").contains(r#"'name' => 'O\'Neil "$HOME" `id` \\'"#));
        assert!(code(&post, "Rust").contains(r#""O\'Neil \"$HOME\" `id` \\""#));
    }

    #[test]
    fn what_takes_and_gives_nothing_says_so() {
        let delete = endpoint(Method::DELETE, "/users/{id}").gives_nothing();
        assert_eq!(
            code(&delete, "curl"),
            "curl -X DELETE 'https://learn.example.com/api/users/ext:crm-81' \\\n  -H \"Authorization: Bearer $API_KEY\""
        );
        assert!(!code(&delete, "JavaScript").contains("json()"));
        let picture = endpoint(Method::GET, "/links/{id}/qr").gives_picture(&["image/svg+xml"]);
        assert!(code(&picture, "JavaScript").contains("await response.text()"));
        for example in examples(&delete, "https://learn.example.com") {
            assert!(!example.code.contains("Content-Type"), "{}", example.code);
            assert!(example.code.contains("API_KEY"));
        }
    }
}
