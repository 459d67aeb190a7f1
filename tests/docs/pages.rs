//! Parts of Markdown that the tests read: prose, code spans, headings and code blocks.

use crate::tree;
use std::path::Path;

pub(crate) struct Page {
    /// Path below the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Code between fences.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) code: String,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads all Markdown files of the project.
pub(crate) fn all() -> Vec<Page> {
    let files = tree::text_files(root()).into_iter();
    let pages = files.filter(|file| file.path.ends_with(".md"));
    pages
        .map(|tree::TextFile { path, text, .. }| Page { path, text })
        .collect()
}

pub(crate) fn page(path: &str) -> Page {
    let found = all().into_iter().find(|page| page.path == path);
    found.unwrap_or_else(|| panic!("no {path}"))
}

impl Page {
    /// Lines outside of code blocks, with their numbers.
    pub(crate) fn prose(&self) -> Vec<(usize, &str)> {
        let mut inside = false;
        let numbered = self.text.lines().enumerate();
        numbered
            .filter(|(_, line)| {
                let fence = line.trim_start().starts_with("```");
                inside ^= fence;
                !inside && !fence
            })
            .map(|(index, line)| (index + 1, line))
            .collect()
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for line in self.text.lines() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(language)) => {
                    open = Some(Block {
                        language: language.to_owned(),
                        code: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.code.push_str(&format!("{line}\n")),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a code block has no end", self.path);
        blocks
    }

    /// Text from the heading of that title to the next heading.
    pub(crate) fn section(&self, title: &str) -> &str {
        let from = self.text.find(&format!("# {title}\n"));
        let rest = &self.text[from.unwrap_or_else(|| panic!("no {title:?}"))..];
        rest.find("\n#").map_or(rest, |end| &rest[..end])
    }

    /// Code spans in prose, with the line's number.
    pub(crate) fn spans(&self) -> Vec<(usize, &str)> {
        let prose = self.prose().into_iter();
        prose
            .flat_map(|(number, line)| {
                let odd = line.split('`').skip(1).step_by(2);
                odd.map(move |span| (number, span))
            })
            .collect()
    }

    /// Anchors of the headings, as GitHub makes them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for (_, line) in self.prose() {
            let title = line.trim_start_matches('#');
            if title.len() == line.len() || !title.starts_with(' ') {
                continue;
            }
            let slug = slug(title.trim());
            let others = (1..).map(|count| format!("{slug}-{count}"));
            let mut names = std::iter::once(slug.clone()).chain(others);
            anchors.extend(names.find(|name| !anchors.contains(name)));
        }
        anchors
    }
}

fn slug(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        .collect()
}

#[test]
fn a_page_is_parsed_as_written() {
    let text = "# A `b` title, twice\n```sh\n# no heading `x`\n```\n## A b title, twice\nuse `y` and `z`\n";
    let page = Page {
        path: "x.md".to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(page.anchors(), ["a-b-title-twice", "a-b-title-twice-1"]);
    assert_eq!(page.spans(), [(1, "b"), (6, "y"), (6, "z")]);
    assert_eq!(page.blocks()[0].code, "# no heading `x`\n");
    assert_eq!(page.blocks()[0].language, "sh");
}
