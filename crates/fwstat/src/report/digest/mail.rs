//! A digest as a whole mail: what `sendmail -t` takes.
//!
//! Text, and the same as a table of HTML for programs that show only that; both in ASCII, so that nothing is encoded. A
//! header holds nothing out of a log: numbers, and names that were looked at.
//!
//! Responsible for: the form of RFC 5322 and MIME.
//! Must not know: what is said.
//! Tested by: the unit tests below, `tests/cli/report_digest.rs`.

use askama::Template;

use super::Digest;

/// Between the parts; longer where a part has it in it.
const BOUNDARY: &str = "=_fwstat_digest_=";

/// Who writes to whom, and when.
#[derive(Clone, Debug)]
pub struct Letter {
    /// To whom.
    pub to: String,
    /// The name of this machine.
    pub host: String,
    /// When, as RFC 5322 has it.
    pub date: String,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Body<'d> {
    digest: &'d Digest,
}

/// Whether a text can be an address in a header: one line of ASCII without what would end it.
#[must_use]
pub fn is_address(text: &str) -> bool {
    !text.is_empty() && text.len() < 256 && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

/// A name for a header: letters, digits, dots and dashes.
#[must_use]
pub fn header_name(name: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let name: String = name.chars().filter(plain).take(64).collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// The whole message.
#[must_use]
pub fn message(digest: &Digest, letter: &Letter) -> String {
    // Only a writer can fail, and this one is memory.
    let html = Body { digest }.render().unwrap_or_default();
    let html: String = html.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    let subject = format!("[fwstat {}] {}", letter.host, digest.subject);
    let subject: String = subject.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    let text = digest.text();
    let mut boundary = BOUNDARY.to_owned();
    while text.contains(&boundary) || html.contains(&boundary) {
        boundary.push('x');
    }
    format!(
        "To: {}\nSubject: {subject}\nDate: {}\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n\
         Content-Type: multipart/alternative; boundary=\"{boundary}\"\n\n\
         --{boundary}\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\n{}\n\
         --{boundary}\nContent-Type: text/html; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\n{html}\n\
         --{boundary}--\n",
        letter.to, letter.date, text
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_can_be_added() {
        for wrong in ["", "root\nBcc: x@evil.invalid", "root\r\nX: y", "ro\u{f6}t", "\0"] {
            assert!(!is_address(wrong), "{wrong:?}");
        }
        assert!(is_address("root") && is_address("Bob <bob@example.org>"));
        assert_eq!(header_name("gw\nX: 1<script>"), "gwX1script");
        assert_eq!(header_name("\n"), "localhost");
        let digest = Digest {
            subject: "1\nBcc: x@evil.invalid".to_owned(),
            about: vec!["<script>".to_owned(), format!("--{BOUNDARY}--")],
            parts: Vec::new(),
            next: Vec::new(),
            notes: Vec::new(),
        };
        let letter = Letter { to: "root".to_owned(), host: "gw".to_owned(), date: "now".to_owned() };
        let mail = message(&digest, &letter);
        let (headers, body) = mail.split_once("\n\n").unwrap();
        assert!(headers.lines().all(|line| !line.starts_with("Bcc")), "{headers}");
        assert!(headers.contains("Subject: [fwstat gw] 1Bcc: x@evil.invalid\n"), "{headers}");
        let html = body.split("text/html").nth(1).unwrap();
        assert!(!html.contains("<script") && mail.is_ascii());
    }
}
