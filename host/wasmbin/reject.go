package wasmbin

import "fmt"

// Rule names why a module was refused. The texts are stable: they appear in
// records and documents.
type Rule string

// Rules of encoding.
const (
	RuleHeader        Rule = "header"         // magic or version
	RuleTruncated     Rule = "truncated"      // the bytes end inside something
	RuleLEB           Rule = "leb"            // an integer is too long, too large or not minimal
	RuleCount         Rule = "count"          // a count needs more bytes than remain
	RuleUTF8          Rule = "utf8"           // a name is not UTF-8 or too long
	RuleSectionID     Rule = "section-id"     // unknown or denied section
	RuleSectionOrder  Rule = "section-order"  // out of order, or twice
	RuleSectionLength Rule = "section-length" // longer than the file, or than its content
	RuleForm          Rule = "form"           // a tag byte that the format does not know
	RuleIndex         Rule = "index"          // an index outside its space
	RuleBody          Rule = "body"           // code does not end where its body ends
)

// Rules of limits.
const (
	RuleModuleSize   Rule = "module-size"
	RuleCustomSize   Rule = "custom-size"
	RuleTypes        Rule = "types"
	RuleParams       Rule = "params"
	RuleResults      Rule = "results"
	RuleImports      Rule = "imports"
	RuleFunctions    Rule = "functions"
	RuleGlobals      Rule = "globals"
	RuleExports      Rule = "exports"
	RuleTable        Rule = "table"       // more than one, too large, or max is not min
	RuleMemory       Rule = "memory"      // none, more than one, shared or 64-bit
	RuleMemoryMax    Rule = "memory-max"  // no maximum, or above the limit
	RuleElem         Rule = "elem"        // too many, or not active funcref on table 0
	RuleData         Rule = "data"        // too many, or not active on memory 0
	RuleDataBounds   Rule = "data-bounds" // segments outside, or larger than, the initial memory
	RuleElemBounds   Rule = "elem-bounds" // segments outside the table
	RuleDataCount    Rule = "data-count"  // the announced count differs
	RuleBodySize     Rule = "body-size"   // bytes of one body
	RuleLocals       Rule = "locals"      // locals and parameters of one function
	RuleNesting      Rule = "nesting"     // depth of blocks
	RuleLoops        Rule = "loops"       // loops in one another
	RuleBlocks       Rule = "blocks"      // blocks of one function
	RuleLocalsBlocks Rule = "locals-x-blocks"
	RuleBrTable      Rule = "br-table" // labels of one br_table, or of all
	RuleFuncCode     Rule = "function-code"
)

// Rules of the profile.
const (
	RuleStart          Rule = "start"           // a start function
	RuleValueType      Rule = "value-type"      // anything but i32 and i64
	RuleImport         Rule = "import"          // not one of the ABI's functions with its exact type
	RuleInitExpr       Rule = "init-expr"       // anything but one constant
	RuleExportMissing  Rule = "export-missing"  // a required export is not there
	RuleExportType     Rule = "export-type"     // a required export has another kind or type
	RuleExportTwice    Rule = "export-twice"    // one name for two exports
	RuleExportReserved Rule = "export-reserved" // a name that belongs to the ABI or to the host
	RuleExportKind     Rule = "export-kind"     // a table, a mutable global or a second memory name
	RuleOpUnknown      Rule = "op-unknown"
	RuleOpFloat        Rule = "op-float"
	RuleOpSIMD         Rule = "op-simd"
	RuleOpThreads      Rule = "op-threads"
	RuleOpBulk         Rule = "op-bulk"  // memory.init, data.drop, elem.drop
	RuleOpTable        Rule = "op-table" // table.*
	RuleOpRef          Rule = "op-ref"   // reference types, GC, typed select
	RuleOpTail         Rule = "op-tail-call"
	RuleOpException    Rule = "op-exception"
)

// Rejected is the only error of Read.
type Rejected struct {
	Rule   Rule
	Offset int // byte in the module
	Detail string
}

// Error implements error.
func (r *Rejected) Error() string {
	return fmt.Sprintf("module refused by rule %s at byte %d: %s", r.Rule, r.Offset, r.Detail)
}
