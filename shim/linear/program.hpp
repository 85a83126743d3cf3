// SPDX-License-Identifier: BSD-3-Clause
// A module's forward as instructions over numbered values: frozen, inlined, without writes to
// tensors where those can be proved away, each instruction knowing its rule and which values die.
#ifndef COVSAMP_SHIM_LINEAR_PROGRAM_HPP
#define COVSAMP_SHIM_LINEAR_PROGRAM_HPP

#include "not_understood.hpp"
#include "rules.hpp"

#include <torch/script.h>

#include <memory>
#include <string>
#include <vector>

namespace covsamp_shim
{

struct Instruction;

// A block of the graph.
struct Code {
    std::vector<int> parameters, results;
    std::vector<Instruction> instructions;
};

enum class Form {
    operation, // anything that libtorch has an operator for
    attribute, // prim::GetAttr
    list,      // prim::ListConstruct
    unlist,    // prim::ListUnpack
    tuple,     // prim::TupleConstruct
    untuple,   // prim::TupleUnpack
    same,      // gives back its input: prim::unchecked_cast
    absent,    // prim::Uninitialized
    silent,    // aten::warn: left out
    raise,     // prim::RaiseException
    branch,    // prim::If
    loop       // prim::Loop
};

struct Instruction {
    const torch::jit::Node *node = nullptr;
    std::string name; // aten::conv2d, say
    Form form = Form::operation;
    mutable torch::jit::Operation operation =
        nullptr; // of Form::operation; calling one is not const
    // Of an operator that writes to its first argument, the one that does not: aten::mul for
    // aten::mul_. Empty where there is none.
    mutable torch::jit::Operation functional = nullptr;
    bool in_place = false;
    Rule rule = nullptr;      // its derivative, if there is one
    bool about_shape = false; // its results depend on shapes and types alone
    bool random = false;
    std::vector<int> inputs, outputs;
    std::vector<int> dies; // values that nothing after this instruction reads
    std::vector<Code> blocks;
};

class Program
{
  public:
    // Throws NotUnderstood.
    explicit Program(const torch::jit::Module &module);

    const Code &code() const
    {
        return code_;
    }
    // As many values as the code numbers, the constants among them filled in.
    const std::vector<c10::IValue> &values() const
    {
        return values_;
    }
    // Some instruction asks how its tensors lie in memory, so that they must lie as the module
    // expects.
    bool layout_matters() const
    {
        return layout_matters_;
    }

    // Some instruction writes to a tensor.
    bool writes() const
    {
        return writes_;
    }

  private:
    class Compiler;

    std::shared_ptr<torch::jit::Graph> graph_; // instructions point into it
    Code code_;
    std::vector<c10::IValue> values_;
    bool layout_matters_ = false, writes_ = false;
};

} // namespace covsamp_shim

#endif
