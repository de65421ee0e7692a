//! Comments of a proto file as docs.

use proc_macro2::TokenStream;
use protox::prost_reflect::FileDescriptor;
use quote::quote;

/// The comment at `path`, by which a descriptor is found in its file.
pub(super) fn of(file: &FileDescriptor, path: &[i32]) -> TokenStream {
    let info = file.file_descriptor_proto().source_code_info.iter();
    let place = info
        .flat_map(|info| &info.location)
        .find(|location| location.path == path);
    let comments = place.into_iter().flat_map(|location| {
        let before = location.leading_comments.as_deref();
        before
            .into_iter()
            .chain(location.trailing_comments.as_deref())
    });
    let lines: Vec<String> = comments.enumerate().flat_map(paragraphs).collect();
    quote!(#(#[doc = #lines])*)
}

/// Lines as Markdown that has no code to be tested: nobody wrote these for rustdoc.
fn paragraphs((at, comment): (usize, &str)) -> Vec<String> {
    let mut is_code = false;
    let mut lines: Vec<String> = (at > 0).then(String::new).into_iter().collect();
    for line in comment.trim_end().lines() {
        let line = line.trim_end();
        let text = line.trim_start();
        let mut indent = (line.len() - text.len()).min(4);
        let mut fence = "";
        if text.starts_with("```") {
            is_code = !is_code;
            fence = if is_code && text == "```" { "text" } else { "" };
        } else if !is_code {
            // Four and more, behind the one after the slashes, would be code.
            indent = indent.min(3);
        }
        lines.push(format!("{}{text}{fence}", " ".repeat(indent)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::paragraphs;

    #[test]
    fn nothing_in_a_comment_is_code_to_be_tested() {
        let comment = " Says it.\n\n      indented\n\n ```\n     text\n ```\n ```rust\n ```\n";

        let expected = [
            " Says it.",
            "",
            "   indented",
            "",
            " ```text",
            "    text",
            " ```",
            " ```rust",
            " ```",
        ];
        assert_eq!(paragraphs((0, comment)), expected);
    }
}
