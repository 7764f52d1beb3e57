//! The files of a corpus, and the documents in them. Whatever cannot be read is said with its place: a file that
//! quietly did not count would look like a retriever that does not find it.

use super::{page, rows};
use crate::domain::{Code, Diagnostic, Digest, Place, RelPath, Span};
use crate::manifest::retrieval::Retrieval;
use crate::repo::{Leads, ReadError, Snapshot};

/// No file matches the globs of a corpus.
pub const NO_MATCH: Code = Code("corpus-no-match");
/// No file of a corpus has text.
pub const EMPTY: Code = Code("corpus-empty");
/// A file of a corpus has no text.
pub const EMPTY_FILE: Code = Code("corpus-file-empty");
/// A file of a corpus is too large.
pub const TOO_LARGE: Code = Code("corpus-file-too-large");
/// A file of a corpus is not UTF-8.
pub const NOT_TEXT: Code = Code("corpus-file-not-text");
/// A file of a corpus leads out of the repository.
pub const OUTSIDE: Code = Code("corpus-leaves-repository");
/// A file of a corpus cannot be read for another reason.
pub const UNREADABLE: Code = Code("corpus-file-unreadable");
/// A row of a JSONL or CSV file is no document.
pub const BAD_ROW: Code = Code("corpus-bad-row");
/// A link to a folder stands in a corpus, and is not followed.
pub const FOLDER_LINK: Code = Code("corpus-link-to-folder");

/// Bytes that a file may have: one of 50 MB is refused.
pub const MAX_FILE: u64 = 49_999_999;

/// What structures a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Markup {
    /// Headings, lists, fences.
    Markdown,
    /// Paragraphs.
    Plain,
}

/// One text that is cut into chunks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// What `relevant` names: the file's path from the root, and for a row of a file `#` and its id.
    pub source: String,
    /// The text.
    pub text: String,
    /// What structures it.
    pub markup: Markup,
    /// Bytes of the file before the text: those of a byte order mark. Of a page and of a row the text is not a range of
    /// the file, and this is 0.
    pub offset: usize,
    /// When it was last updated, where the file itself says.
    pub last_updated: Option<String>,
}

/// A file's text as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// The text.
    pub text: String,
    /// Of its bytes.
    pub digest: Digest,
}

/// The files of a corpus.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listed {
    /// Sorted.
    pub paths: Vec<RelPath>,
    /// What was passed over.
    pub warnings: Vec<Diagnostic>,
}

/// The files of a corpus.
///
/// # Errors
/// When nothing matches, a glob cannot be walked, or a link leads to nothing or out of the repository.
pub fn list(snapshot: &Snapshot, retrieval: &Retrieval) -> Result<Listed, Diagnostic> {
    if retrieval.corpus.is_empty() {
        let message = format!("`{}` names no corpus, so that nothing can be searched", retrieval.name);
        return Err(Diagnostic::error(NO_MATCH, message)
            .at(retrieval.corpus_place.clone())
            .help("add `corpus: [\"kb/**/*.md\"]`, or the `endpoint:` of a retriever"));
    }
    let globs = retrieval.corpus.join(", ");
    match snapshot.glob_all(&retrieval.corpus) {
        Ok(found) => {
            let (mut broken, mut warnings) = (None, Vec::new());
            for (path, leads) in &found.links {
                let fault = passed_over(path, *leads);
                if fault.is_error() {
                    broken.get_or_insert(fault);
                } else {
                    warnings.push(fault);
                }
            }
            match broken {
                Some(fault) => Err(fault),
                // One that matches nothing is a typing error as often as not, and half a corpus answers half the
                // questions.
                None if !found.idle.is_empty() => {
                    let message = format!("no file matches {} of the corpus", found.idle.join(", "));
                    Err(Diagnostic::error(NO_MATCH, message).at(retrieval.corpus_place.clone()).help(
                        "globs count from the root of the repository; remove those that are not needed",
                    ))
                }
                None => Ok(Listed { paths: found.files, warnings }),
            }
        }
        Err(ReadError::Outside) => {
            Err(Diagnostic::error(OUTSIDE, format!("the corpus {globs} leads outside the repository"))
                .at(retrieval.corpus_place.clone())
                .help("name folders of the repository"))
        }
        Err(error) => {
            Err(Diagnostic::error(UNREADABLE, format!("the corpus {globs} cannot be listed: {error}"))
                .at(retrieval.corpus_place.clone()))
        }
    }
}

/// A link that no walk follows: what lies beyond it would quietly not count.
fn passed_over(path: &RelPath, leads: Leads) -> Diagnostic {
    let found = match leads {
        Leads::Outside => {
            Diagnostic::error(OUTSIDE, format!("{path} is a link to a folder outside the repository"))
                .help("copy the folder into the repository, or narrow the globs of the corpus")
        }
        Leads::Nowhere => Diagnostic::error(UNREADABLE, format!("{path} is a link that leads to nothing"))
            .help("put the link right, remove it, or narrow the globs of the corpus"),
        Leads::ToFolder => {
            Diagnostic::warning(FOLDER_LINK, format!("{path} is a link to a folder, which is not followed"))
                .help("name the folder that it leads to in `corpus`, unless it is there already")
        }
    };
    found.at(Place::file(path))
}

/// The text of one file.
///
/// # Errors
/// What is wrong with it, at its place.
pub fn load(snapshot: &Snapshot, path: &RelPath) -> Result<Loaded, Diagnostic> {
    let at =
        |code, message: String, help: &str| Diagnostic::error(code, message).at(Place::file(path)).help(help);
    let bytes = snapshot.read(path, MAX_FILE).map_err(|error| match error {
        ReadError::TooLarge { .. } => at(
            TOO_LARGE,
            format!("{path} has 50 MB or more, which is too much for one file of a corpus"),
            "split it, or narrow the globs of the corpus",
        ),
        ReadError::Outside => at(
            OUTSIDE,
            format!("{path} is a link that leads outside the repository"),
            "copy the file into the repository, or narrow the globs of the corpus",
        ),
        error => at(UNREADABLE, format!("{path} cannot be read: {error}"), "narrow the globs of the corpus"),
    })?;
    let digest = Digest::of_bytes(&bytes);
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
        let span = Span::new(u32::try_from(line).unwrap_or(u32::MAX), 1, 1);
        Diagnostic::error(NOT_TEXT, format!("{path} is not UTF-8 (first on line {line})"))
            .at(Place::at(path, span))
            .help("convert it to UTF-8, or narrow the globs of the corpus to text")
    })?;
    Ok(Loaded { text, digest })
}

/// The documents of a file: itself, or its rows. A file without text has none and is a warning.
///
/// # Errors
/// Rows that are no documents.
pub fn documents(path: &RelPath, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let offset = text.len() - body.len();
    let whole = |text: &str, markup, offset| Document {
        source: path.to_string(),
        text: text.to_owned(),
        markup,
        offset,
        last_updated: None,
    };
    let extension = path.file_name().rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut found = match extension.to_ascii_lowercase().as_str() {
        "md" | "markdown" | "mdx" => vec![whole(body, Markup::Markdown, offset)],
        "html" | "htm" | "xhtml" => {
            let text = page::text(body)
                .map_err(|error| rows::bad_row(path, 1, &format!("the page cannot be read: {error}")))?;
            vec![whole(&text, Markup::Markdown, 0)]
        }
        "jsonl" | "ndjson" => rows::of_jsonl(path, body)?,
        "csv" => rows::of_csv(path, body)?,
        _ => vec![whole(body, Markup::Plain, offset)],
    };
    found.retain(|document| !document.text.trim().is_empty());
    Ok(found)
}

/// The warning about a file without text.
pub fn empty(path: &RelPath) -> Diagnostic {
    Diagnostic::warning(EMPTY_FILE, format!("{path} has no text, so that it is never found"))
        .at(Place::file(path))
        .help("write it, or remove it from the corpus")
}

/// The fault of a corpus of which no file has text.
pub fn all_empty(retrieval: &Retrieval) -> Diagnostic {
    let message =
        format!("no file of the corpus of `{}` has text, so that nothing is ever found", retrieval.name);
    Diagnostic::error(EMPTY, message)
        .at(retrieval.corpus_place.clone())
        .help("write them, or name other files")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).expect("a path")
    }

    #[test]
    fn every_format_becomes_documents() {
        let found = documents(&path("kb/a.md"), "\u{feff}# A\n\ntext\n").expect("documents");
        assert_eq!((found[0].source.as_str(), found[0].offset), ("kb/a.md", 3));
        assert_eq!(found[0].text, "# A\n\ntext\n");

        let page = "<html><head><style>p{}</style><script>alert(1)</script></head><body><h1>Refunds</h1><p>Within <b>5</b> days.</p></body></html>";
        let found = documents(&path("kb/a.html"), page).expect("documents");
        assert!(found[0].text.contains("Refunds") && found[0].text.contains("Within 5 days."), "{found:?}");
        assert!(!found[0].text.contains("alert") && !found[0].text.contains("p{}"));

        let rows = "{\"id\": \"r\", \"text\": \"Refunds\", \"last_updated\": \"2026-01-02\"}\n\n{\"text\": \"No id\", \"topic\": 1}\n";
        let found = documents(&path("kb/a.jsonl"), rows).expect("documents");
        assert_eq!(
            found.iter().map(|one| one.source.as_str()).collect::<Vec<_>>(),
            ["kb/a.jsonl#r", "kb/a.jsonl#3"]
        );
        assert_eq!(found[0].last_updated.as_deref(), Some("2026-01-02"));

        let found = documents(&path("kb/a.csv"), "id,text,more\nx,\"one, two\",3\n").expect("documents");
        assert_eq!((found[0].source.as_str(), found[0].text.as_str()), ("kb/a.csv#x", "one, two"));
        assert!(documents(&path("kb/a.txt"), " \n").expect("documents").is_empty());
    }

    #[test]
    fn a_row_that_is_no_document_is_said_with_its_line() {
        for (name, text, line) in [
            ("a.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n", 2),
            ("a.jsonl", "{\"text\": \"a\", \"id\": 1}\n{\"text\": \"b\", \"id\": 1}\n", 2),
            ("a.jsonl", "{\"text\": \"a\", \"last_updated\": \"yesterday\"}\n", 1),
            ("a.csv", "id,body\n1,x\n", 1),
            ("a.csv", "id,text\n1,x,y\n", 2),
            ("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \" \"}\n", 2),
            ("a.jsonl", "[null, \"a\", null]\n", 1),
            ("a.jsonl", "{\"text\": \"a\", \"last_updated\": \"2026-01-01 and rubbish\"}\n", 1),
            ("a.csv", "id,text\n1,x\n2,\n", 3),
            ("a.csv", "id,text\n1,x\n2,\"y\n3,z\n", 3),
        ] {
            let fault = documents(&path(name), text).expect_err(text);
            let span = fault.place.and_then(|place| place.span).expect("a place");
            assert_eq!((fault.code, span.line), (BAD_ROW, line), "{text}");
        }
    }
}
