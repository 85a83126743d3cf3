// SPDX-License-Identifier: BSD-3-Clause
#include "program.hpp"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/remove_mutation.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace covsamp_shim
{

namespace
{

using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

const std::unordered_map<std::string, Form> &forms()
{
    static const std::unordered_map<std::string, Form> table{
        {"prim::GetAttr", Form::attribute},
        {"prim::ListConstruct", Form::list},
        {"prim::ListUnpack", Form::unlist},
        {"prim::TupleConstruct", Form::tuple},
        {"prim::TupleUnpack", Form::untuple},
        {"prim::unchecked_cast", Form::same},
        {"prim::unchecked_unwrap_optional", Form::same},
        {"prim::Uninitialized", Form::absent},
        {"prim::If", Form::branch},
        {"prim::Loop", Form::loop},
        {"aten::warn", Form::silent},
        {"prim::RaiseException", Form::raise}};
    return table;
}

bool writes_to_first(const Node &node)
{
    const auto &arguments = node.schema().arguments();
    if (arguments.empty() || !arguments[0].type()->isSubtypeOf(*c10::TensorType::get()))
        return false;
    const auto *alias = arguments[0].alias_info();
    return alias != nullptr && alias->isWrite();
}

// aten::mul_ becomes aten::mul, of the same overload.
void set_functional(Instruction &made, const Node &node)
{
    made.in_place = true;
    std::string name = node.schema().name(), overload = node.schema().overload_name();
    if (name.back() != '_')
        return;
    name.pop_back();
    auto found = torch::jit::findOperatorFor(c10::OperatorName(name, overload));
    if (found == nullptr || found->schema().arguments().size() != node.schema().arguments().size())
        return;
    made.functional = found->getOperation();
    made.name = name;
}

// Operators that may give back their argument, or a view of it, without saying so: what the graph
// says of aliases cannot be trusted then.
bool hides_aliases(const Block &block)
{
    static const std::unordered_set<std::string> names{"aten::type_as", "aten::einsum"};
    for (const Node *node : block.nodes()) {
        if (names.count(node->kind().toQualString()) != 0)
            return true;
        for (const Block *inner : node->blocks())
            if (hides_aliases(*inner))
                return true;
    }
    return false;
}

bool asks_for_layout(const std::string &name)
{
    static const std::unordered_set<std::string> names{
        "aten::stride",         "aten::as_strided",      "aten::is_contiguous",
        "aten::storage_offset", "aten::view_as_complex", "aten::data_ptr"};
    return names.count(name) != 0;
}

bool asks_for_shape(const std::string &name)
{
    static const std::unordered_set<std::string> names{
        "aten::size",          "aten::dim",
        "aten::numel",         "aten::len",
        "aten::stride",        "aten::ndimension",
        "aten::is_contiguous", "aten::storage_offset",
        "aten::get_device",    "aten::is_floating_point",
        "aten::is_complex",    "aten::_shape_as_tensor",
        "aten::__is__",        "aten::__isnot__",
        "prim::dtype",         "prim::device",
        "prim::layout",        "prim::shape",
        "prim::is_cuda",       "prim::is_cpu",
        "prim::is_nested",     "prim::is_mkldnn",
        "prim::is_mps",        "prim::is_xpu",
        "prim::is_vulkan",     "prim::is_meta",
        "prim::is_ort",        "prim::is_ipu",
        "prim::is_sparse_csr", "prim::itemsize",
        "prim::requires_grad", "prim::is_quantized",
        "prim::is_sparse",     "prim::type",
        "aten::zeros_like",    "aten::ones_like",
        "aten::full_like",     "aten::empty_like",
        "aten::new_zeros",     "aten::new_ones",
        "aten::new_full",      "aten::new_empty",
        "prim::isinstance"};
    return names.count(name) != 0;
}

} // namespace

class Program::Compiler
{
  public:
    explicit Compiler(Program &program) : program_(program)
    {
    }

    Code block(const Block &block)
    {
        Code code;
        for (const Value *value : block.inputs())
            code.parameters.push_back(number(value));
        for (const Node *node : block.nodes())
            if (node->kind() == c10::prim::Constant)
                constant(*node);
            else
                code.instructions.push_back(instruction(*node));
        for (const Value *value : block.outputs())
            code.results.push_back(number(value));
        mark_deaths(code);
        return code;
    }

  private:
    int number(const Value *value)
    {
        auto [place, added] = numbers_.try_emplace(value, static_cast<int>(numbers_.size()));
        if (added)
            program_.values_.emplace_back();
        return place->second;
    }

    void constant(const Node &node)
    {
        if (auto value = torch::jit::toIValue(node.output()))
            program_.values_[static_cast<size_t>(number(node.output()))] = *value;
    }

    Instruction instruction(const Node &node)
    {
        Instruction made;
        made.node = &node;
        made.name = node.kind().toQualString();
        made.random = node.isNondeterministic();
        auto form = forms().find(made.name);
        made.form = form == forms().end() ? Form::operation : form->second;
        if (made.form == Form::operation) {
            if (node.maybeOperator() == nullptr || !node.blocks().empty())
                throw NotUnderstood("it contains " + made.name);
            made.operation = node.getOperation();
            if (writes_to_first(node)) {
                // Views must be views, and copies copies, where the module has them.
                program_.writes_ = program_.layout_matters_ = true;
                set_functional(made, node);
            }
            made.rule = find_rule(made.name);
            made.about_shape = asks_for_shape(made.name);
            program_.layout_matters_ |= asks_for_layout(made.name);
        }
        for (const Value *value : node.inputs())
            made.inputs.push_back(number(value));
        for (const Block *inner : node.blocks())
            made.blocks.push_back(block(*inner));
        for (const Value *value : node.outputs())
            made.outputs.push_back(number(value));
        return made;
    }

    // What a block reads, its inner blocks included.
    static void reads(const Instruction &instruction, std::vector<int> &found)
    {
        found.insert(found.end(), instruction.inputs.begin(), instruction.inputs.end());
        for (const Code &code : instruction.blocks) {
            for (const Instruction &inner : code.instructions)
                reads(inner, found);
            found.insert(found.end(), code.results.begin(), code.results.end());
        }
    }

    // A value dies after its last reader in the block that made it; results live on.
    void mark_deaths(Code &code)
    {
        std::unordered_set<int> own(code.parameters.begin(), code.parameters.end());
        for (const Instruction &instruction : code.instructions)
            own.insert(instruction.outputs.begin(), instruction.outputs.end());
        for (int result : code.results)
            own.erase(result);
        for (size_t i = code.instructions.size(); i-- > 0;) {
            Instruction &instruction = code.instructions[i];
            std::vector<int> found = instruction.outputs; // also those that nobody reads
            reads(instruction, found);
            for (int value : found)
                if (own.erase(value) != 0)
                    instruction.dies.push_back(value);
        }
    }

    Program &program_;
    std::unordered_map<const Value *, int> numbers_;
};

Program::Program(const torch::jit::Module &module)
    : graph_(module.get_method("forward").graph()->copy())
{
    torch::jit::Inline(*graph_);
    if (!hides_aliases(*graph_->block()))
        torch::jit::RemoveTensorMutation(graph_);
    torch::jit::ConstantPropagation(graph_);
    torch::jit::EliminateDeadCode(graph_);
    code_ = Compiler(*this).block(*graph_->block());
}

} // namespace covsamp_shim
