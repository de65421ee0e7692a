//! The compiled file, and the files that it was made of.

use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use protox::Compiler;
use protox::prost_reflect::FileDescriptor;
use quote::quote;

use super::Request;

/// A proto file that is right.
pub(super) struct Source {
    pub(super) root: FileDescriptor,
    /// Where it was read from, and all that it imports.
    paths: Vec<String>,
}

impl Source {
    /// Compiles the file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in the words of the compiler behind file, line and column.
    pub(super) fn open(request: &Request) -> Result<Self, String> {
        // Cargo says where the crate is; without it paths are those of the compiler's own directory.
        let home = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
        let name = request.file.value();
        let path = home.join(&name);
        if !path.is_file() {
            return Err(format!(
                "there is no file `{name}` in the directory of Cargo.toml"
            ));
        }
        let include = request.include.iter().map(|own| home.join(own.value()));
        let mut include: Vec<PathBuf> = include.collect();
        if include.is_empty() {
            include.extend(path.parent().map(Path::to_owned));
        }
        let within = include.iter().find_map(|own| path.strip_prefix(own).ok());
        let Some(within) = within.and_then(Path::to_str) else {
            return Err(format!(
                "`{name}` is in none of the directories of `include`"
            ));
        };
        let mut compiler = Compiler::new(&include).map_err(|error| format!("{error:?}"))?;
        compiler
            .open_file(&path)
            .map_err(|error| format!("{error:?}"))?;
        let root = compiler.descriptor_pool().get_file_by_name(within);
        let paths = compiler.files().filter_map(|file| file.path()?.to_str());
        Ok(Self {
            root: root.ok_or_else(|| format!("`{name}` is not found by its own name"))?,
            paths: paths.map(str::to_owned).collect(),
        })
    }

    /// Code by which the crate is built again when one of the files changes.
    pub(super) fn tracked(&self) -> TokenStream {
        let paths = &self.paths;
        quote!(#(const _: &[u8] = ::core::include_bytes!(#paths);)*)
    }
}
