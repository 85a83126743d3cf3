// SPDX-License-Identifier: BSD-3-Clause
// Runs a program at one point and records, node by node, what takes tangents to tangents.
#ifndef COVSAMP_SHIM_LINEAR_RECORDER_HPP
#define COVSAMP_SHIM_LINEAR_RECORDER_HPP

#include "call.hpp"

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

namespace covsamp_shim
{

// What a linearisation did, for the report.
struct Tally {
    int64_t by_rule = 0;                     // nodes that depend on x and have a rule
    std::map<std::string, int64_t> by_duals; // operators without one: how many nodes of each
};

class Recorder
{
  public:
    Recorder(const Program &program, Recording &recording);

    // inputs: the module, x, time, perhaps labels.  x is input 1.  Returns the module's output.
    // Throws NotUnderstood where control flow depends on x or tensors that do are written to,
    // Failure where a tangent is lost or a node draws random numbers.
    c10::IValue run(torch::jit::Stack inputs);

    const Tally &tally() const
    {
        return tally_;
    }

  private:
    // How a value that is no tensor depends on x.
    enum class Taint : char {
        none,
        stepwise, // a whole number or a truth value: its derivative is zero
        smooth    // a number whose derivative is lost as soon as it enters a tensor again
    };

    void execute(const Code &code);
    void branch(const Instruction &instruction);
    void loop(const Instruction &instruction);
    void plain(const Instruction &instruction);
    void operate(const Instruction &instruction, torch::jit::Stack arguments);
    void without_rule(Call &call);
    void check_writes(const Instruction &instruction, const torch::jit::Stack &arguments,
                      bool active) const;
    void replace(const Instruction &instruction, const at::Tensor &old, const at::Tensor &made);
    void check_steady(int value, const Instruction &instruction) const;
    bool has_smooth_input(const Instruction &instruction) const;
    void spread_taint(const Instruction &instruction, bool active);
    void expect_sizes(const torch::jit::Stack &results);
    void store(const Instruction &instruction, torch::jit::Stack &results);
    c10::IValue &value(int number)
    {
        return values_[static_cast<size_t>(number)];
    }

    const Program &program_;
    Recording &recording_;
    std::vector<c10::IValue> values_;
    std::vector<Taint> taints_;
    std::vector<at::Tensor> attributes_; // of the module, that were read
    Tally tally_;
};

} // namespace covsamp_shim

#endif
