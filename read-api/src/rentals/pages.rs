//! Pages that a service has besides its API: its operations as a list and as a reference, and its icon.

use std::fmt::Write;

use caravan_wire::{Answer, Call, Failure, reference_of};
use html_escape::{encode_double_quoted_attribute as attribute, encode_text as text};
use http::{HeaderValue, header};

use crate::Read;

type Outcome = Result<Answer, Failure>;

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid #8885; padding: .3rem .6rem .3rem 0; vertical-align: top; overflow-wrap: anywhere }
</style>
";

/// All operations of the service.
pub(super) async fn operations(call: Call<Read>) -> Outcome {
    let service = &call.operation.group;
    let base = format!("/{service}-api");
    let mut page = format!(
        "{HEAD}<link rel=\"icon\" href=\"{base}/favicon.ico\">
<title>{service}: operations</title>
<h1>{service}</h1>
<p><a href=\"{base}/swagger\">Reference</a>, where operations can be tried out ·
<a href=\"{base}/getPostmanCollection\">Postman collection</a> · <a href=\"{base}/health\">Health</a></p>
<table>
"
    );
    for operation in call.operation.siblings() {
        let (method, path, summary) = (operation.method.as_str(), text(&operation.path), text(&operation.summary));
        let id = attribute(&operation.id);
        let _ = writeln!(page, "<tr id=\"{id}\"><td>{method}<td><code>{path}</code><td>{summary}");
    }
    page.push_str("</table>\n</html>\n");
    Ok(Answer::html(page))
}

/// The service's OpenAPI document, to be read and tried out.
pub(super) async fn reference(call: Call<Read>) -> Outcome {
    Ok(reference_of(call.operation))
}

pub(super) async fn icon(_: Call<Read>) -> Outcome {
    const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
    let icon = Answer::raw("image/x-icon", &include_bytes!("favicon.ico")[..]);
    Ok(icon.header(header::CACHE_CONTROL, A_DAY))
}
