--  SPDX-License-Identifier: BSD-3-Clause
--  libcovsamp for Ada: diffusion sampling with the full posterior covariance.
--
--     Status := Sampler_Ask (Sampler, Request'Access);   --  an access to the library's record
--     Values : Doubles (0 .. Request.Stride * Request.Batch - 1) with Import, Address => Request.X;
--
--  Functions and records are C's, one for one; arrays are overlaid on a request's addresses without a copy and valid
--  until Sampler_Tell.  A callback must not let an exception out: it returns a negative number instead.
with Interfaces;           use Interfaces;
with Interfaces.C;         use Interfaces.C;
with Interfaces.C.Strings; use Interfaces.C.Strings;
with System;               use System;

package Covsamp is
   subtype Int32 is Interfaces.Integer_32;
   subtype Int64 is Interfaces.Integer_64;
   subtype Uint64 is Interfaces.Unsigned_64;
   subtype Status is Int32;

   OK        : constant Status := 0;
   Done      : constant Status := 1;
   Cancelled : constant Status := 2;
   E_Range   : constant Status := -2;
   F32       : constant Int32 := 1;
   F64       : constant Int32 := 2;

   Spacing_Even   : constant Int32 := 1;
   Predicts_Noise : constant Int32 := 1;
   subtype Message is char_array (0 .. 511);

   type Doubles is array (Int64 range <>) of aliased double with Convention => C;
   type Floats is array (Int64 range <>) of aliased C_float with Convention => C;
   type Bytes is array (size_t range <>) of aliased unsigned_char with Convention => C;
   type Levels is array (Int64 range <>) of aliased Int64 with Convention => C;

   --  As far as this package knows them: they grow at their end.

   type Option_Info is record
      Size                              : size_t;
      Key, Kind                         : Int32;
      Name, Help                        : chars_ptr;
      Int_Low, Int_High, Int_Default    : Int64;
      Real_Low, Real_High, Real_Default : double;
   end record with Convention => C;

   type Stats is record
      Size                               : size_t;
      Steps, Mean_Requests, Jvp_Requests : Int64;
      Jvp_Tangents, Products_Used        : Int64;
      Products_Paid, Ritz_Values         : Int64;
      Ritz_Clamped, Breakdowns           : Int64;
      Breakdowns_Asymmetric              : Int64;
      Steps_Without                      : Int64;
      Asymmetry, Error_Estimate          : double;
      Vjp_Requests, Vjp_Tangents         : Int64;
      Guide_Requests                     : Int64;
   end record with Convention => C;

   type Request is record
      Size                             : size_t;
      Kind, Dtype                      : Int32;
      Batch, Dim, Stride               : Int64;
      Tangents, Tangent_Stride         : Int64;
      Step, Steps, Level, First_Sample : Int64;
      Seed, Owner, Point               : Uint64;
      Time, Alpha, Sigma               : double;
      Stream, Branch                   : Int32;
      X, V                             : Address;
      Mean, Product, Noise             : Address;
      Head, Transposed, Gradient       : Address;
      Other_Mean, Other_Product        : Address;
      Other_Transposed, Other_Head, Ops : Address;
      Products_Follow, Reserved        : Int32;
   end record with Convention => C;

   type Request_Access is access all Request with Convention => C;
   type Answer is access function (User : Address; Q : Request_Access) return Int32 with Convention => C;

   type Model is record
      Size                : size_t;
      Model_User          : Address := Null_Address;
      Mean, Jvp, Mean_Jvp : Answer;
      Noise_User          : Address := Null_Address;
      Noise               : Answer;
      Progress_User       : Address := Null_Address;
      Progress, Vjp       : Answer;
      Guide_User          : Address := Null_Address;
      Guide               : Answer;
   end record with Convention => C;

   --  Handles are addresses of the library's own.
   type Schedule is new Address;
   type Config is new Address;
   type Sampler is new Address;
   type Mixture is new Address;

   function Option_At (Index : Int32) return access constant Option_Info
   with Import, Convention => C, External_Name => "covsamp_option_info";

   function Schedule_New_Linear
     (Made        : out Schedule; Count : Int64;
      First, Last : double; Memory : Address; Text : out Message) return Status
   with Import, Convention => C, External_Name => "covsamp_schedule_new_linear";
   function Schedule_Spaced
     (S : Schedule; Count : Int64; Spacing : Int32; L : out Levels; Text : out Message) return Status
   with Import, Convention => C, External_Name => "covsamp_schedule_spaced";
   procedure Schedule_Free (S : Schedule)
   with Import, Convention => C, External_Name => "covsamp_schedule_free";

   function Config_New (Made : out Config; Memory : Address) return Status
   with Import, Convention => C, External_Name => "covsamp_config_new";
   function Config_Set_By_Name (C : Config; Name, Text : char_array) return Status
   with Import, Convention => C, External_Name => "covsamp_config_set_by_name";
   function Config_Set_Schedule (C : Config; S : Schedule; L : Levels; Count : Int64) return Status
   with Import, Convention => C, External_Name => "covsamp_config_set_schedule";
   function Config_Message (C : Config) return chars_ptr
   with Import, Convention => C, External_Name => "covsamp_config_message";
   procedure Config_Free (C : Config)
   with Import, Convention => C, External_Name => "covsamp_config_free";

   function Sampler_New (Made : out Sampler; C : Config) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_new";
   function Sampler_Restart (S : Sampler; Seed : Uint64; First_Sample : Int64) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_restart";
   function Sampler_State (S : Sampler; X : out Address; Stride : out Int64) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_state";
   function Sampler_Stats (S : Sampler; Into : in out Stats) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_stats";
   function Sampler_Ask (S : Sampler; Q : access Request_Access) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_ask";
   function Sampler_Tell (S : Sampler; Said : Int32) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_tell";
   function Sampler_Run (S : Sampler; M : Model) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_run";
   function Sampler_Step (S : Sampler; M : Model) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_step";
   --  Buffer: the address of that many bytes, or null with capacity 0.
   function Sampler_Save (S : Sampler; Buffer : Address; Capacity : size_t; Needed : out size_t) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_save";
   function Sampler_Load (S : Sampler; Data : Bytes; Length : size_t) return Status
   with Import, Convention => C, External_Name => "covsamp_sampler_load";
   procedure Sampler_Cancel (S : Sampler)
   with Import, Convention => C, External_Name => "covsamp_sampler_cancel";
   function Sampler_Message (S : Sampler) return chars_ptr
   with Import, Convention => C, External_Name => "covsamp_sampler_message";
   procedure Sampler_Free (S : Sampler)
   with Import, Convention => C, External_Name => "covsamp_sampler_free";

   function Mixture_New
     (Made : out Mixture; Dim, Components : Int64; Weights, Means, Covariances : Doubles;
      Prediction : Int32; Memory : Address; Text : out Message) return Status
   with Import, Convention => C, External_Name => "covsamp_mixture_new";
   function Mixture_Answer (M : Mixture; Q : Request_Access) return Int32
   with Import, Convention => C, External_Name => "covsamp_mixture_answer";
   function Mixture_Model (M : Mixture; Into : in out Model) return Status
   with Import, Convention => C, External_Name => "covsamp_mixture_model";
   procedure Mixture_Free (M : Mixture)
   with Import, Convention => C, External_Name => "covsamp_mixture_free";
end Covsamp;
