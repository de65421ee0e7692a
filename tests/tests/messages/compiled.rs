//! Proto files that were printed, compiled.

use micro::codec::ProtoFile;
use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto};
use protox::file::{File, FileResolver};

/// One file, under its name.
struct Printed(ProtoFile);

impl FileResolver for Printed {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        File::from_source(name, &self.0.to_string())
    }
}

/// What the text of a file says, which its descriptor says as well.
pub(crate) fn compiled(file: &ProtoFile) -> DescriptorPool {
    let mut compiler = protox::Compiler::with_file_resolver(Printed(file.clone()));
    if let Err(error) = compiler.open_file(file.name()) {
        panic!("{error:?}\n{file}");
    }
    let mut expected = compiler.file_descriptor_set().file.remove(0);
    expected.message_type.iter_mut().for_each(unnamed_in_json);
    let described = FileDescriptorProto::decode(&*file.descriptor()).unwrap();
    assert_eq!(described, expected, "{file}");
    compiler.descriptor_pool()
}

/// Compilers add what follows from the names.
fn unnamed_in_json(message: &mut DescriptorProto) {
    message
        .field
        .iter_mut()
        .for_each(|field| field.json_name = None);
    message.nested_type.iter_mut().for_each(unnamed_in_json);
}
