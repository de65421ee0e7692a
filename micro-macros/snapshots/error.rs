#[micro::error]
pub enum ChatError {
    #[error(code = 409, detail = "{by} has it")]
    Taken { by: String },
    /// There is no such room.
    NoSuchRoom,
}
