-- The amended charter by which a line is to be joined, until that is final here; else empty.
-- A program that does not know it finds a line it is no member of, and signs nothing there.
ALTER TABLE line ADD COLUMN joining BLOB NOT NULL DEFAULT x'';
