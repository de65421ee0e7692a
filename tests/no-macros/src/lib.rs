//! Its tests are all there is.
