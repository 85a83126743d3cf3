--  SPDX-License-Identifier: BSD-3-Clause
--  A Gaussian in Ada as the model: by ask and tell, by callbacks, and the library's mixture beside it.
--
--     gnatmake -ffp-contract=off affine -largs -lcovsamp && ./affine GOLDEN
--     ./affine begin|finish FILE      half a job each, as affine.c does
with Ada.Command_Line;        use Ada.Command_Line;
with Ada.Exceptions;          use Ada.Exceptions;
with Ada.Strings.Fixed;       use Ada.Strings.Fixed;
with Ada.Strings.Unbounded;   use Ada.Strings.Unbounded;
with Ada.Streams.Stream_IO;
with Ada.Text_IO;             use Ada.Text_IO;
with Affine_Model;            use Affine_Model;
with Covsamp;                 use Covsamp;
with Interfaces;              use Interfaces;
with Interfaces.C;            use Interfaces.C;
with Interfaces.C.Strings;    use Interfaces.C.Strings;
with System;                  use System;

procedure Affine is
   Passed, Failed : Natural := 0;

   procedure Check (Ok : Boolean; What : String) is
   begin
      if Ok then
         Passed := Passed + 1;
      else
         Failed := Failed + 1;
         Put_Line (Standard_Error, "failed: " & What);
      end if;
   end Check;

   procedure List_Options is
      Index : Int32 := 0;
   begin
      loop
         declare
            O : constant access constant Option_Info := Option_At (Index);
         begin
            exit when O = null;
            Put_Line (Head (Value (O.Name), 19) & Value (O.Help));
         end;
         Index := Index + 1;
      end loop;
      Check (Index > 40, "options are listed");
   end List_Options;

   function New_Mixture return Mixture is
      Diagonal    : constant array (0 .. 1, 0 .. 3) of double := ((0.3, 0.2, 0.1, 0.4), (0.1, 0.4, 0.3, 0.2));
      Rest        : constant array (0 .. 1) of double := (0.05, 0.02);
      Covariances : Doubles (0 .. 31);
      Made        : Mixture;
      Text        : Message;
   begin
      for K in 0 .. 1 loop
         for I in 0 .. 3 loop
            for J in 0 .. 3 loop
               Covariances (Int64 (16 * K + 4 * I + J)) := (if I = J then Diagonal (K, I) else Rest (K));
            end loop;
         end loop;
      end loop;
      Check (Mixture_New (Made, 4, 2, (2.0, 1.0), (-1.0, 0.0, 0.5, 1.0, 1.0, 1.0, 0.0, -1.0), Covariances,
                          Predicts_Noise, Null_Address, Text) = OK, "Mixture_New");
      return Made;
   end New_Mixture;

   procedure Set (C : Config; Name, Text : String) is
   begin
      Check (Config_Set_By_Name (C, To_C (Name), To_C (Text)) = OK, Name);
   end Set;

   function New_Sampler (Dtype : String) return Sampler is
      S    : Schedule;
      C    : Config;
      Made : Sampler;
      L    : Levels (0 .. 19);
      Text : Message;
   begin
      Check (Schedule_New_Linear (S, 1000, 1.0e-4, 0.02, Null_Address, Text) = OK, "Schedule_New_Linear");
      Check (Schedule_Spaced (S, 20, Spacing_Even, L, Text) = OK, "Schedule_Spaced");
      Check (Config_New (C, Null_Address) = OK, "Config_New");
      Set (C, "batch", "3");
      Set (C, "dim", "4");
      Set (C, "dtype", Dtype);
      Set (C, "covariance", "krylov");
      Set (C, "krylov_steps", "2");
      Set (C, "seed", "2024");
      Set (C, "first_sample", "5");
      Check (Config_Set_Schedule (C, S, L, 20) = OK, "Config_Set_Schedule");
      Check (Sampler_New (Made, C) = OK, Value (Config_Message (C)));
      Config_Free (C);
      Schedule_Free (S);
      return Made;
   end New_Sampler;

   Hex : constant String := "0123456789abcdef";

   function Digits_Of (Word : Uint64; Count : Positive) return String is
      Rest   : Uint64 := Word;
      Result : String (1 .. Count);
   begin
      for I in reverse Result'Range loop
         Result (I) := Hex (Natural (Rest mod 16) + 1);
         Rest := Rest / 16;
      end loop;
      return " " & Result;
   end Digits_Of;

   --  A name and the bits of every value.
   function Line_Of (S : Sampler; Name : String) return String is
      Line   : Unbounded_String := To_Unbounded_String (Name);
      X      : Address;
      Stride : Int64;
   begin
      Check (Sampler_State (S, X, Stride) = OK, "Sampler_State");
      declare
         Wide   : array (0 .. 2 * Stride + 3) of Unsigned_64 with Import, Address => X;
         Narrow : array (0 .. 2 * Stride + 3) of Unsigned_32 with Import, Address => X;
      begin
         for B in Int64 range 0 .. 2 loop
            for I in B * Stride .. B * Stride + 3 loop
               Append (Line, (if Index (Name, "f64") > 0 then Digits_Of (Wide (I), 16)
                              else Digits_Of (Unsigned_64 (Narrow (I)), 8)));
            end loop;
         end loop;
      end;
      return To_String (Line);
   end Line_Of;

   function Golden_Has (Line : String) return Boolean is
      File  : File_Type;
      Found : Boolean := False;
   begin
      Open (File, In_File, Argument (1));
      while not End_Of_File (File) loop
         Found := Get_Line (File) = Line or else Found;
      end loop;
      Close (File);
      return Found;
   end Golden_Has;

   --  To the end by callbacks.  What one raised is raised again here, as it was.
   function Run (S : Sampler; Callbacks : Model) return Status is
      Said : constant Status := Sampler_Run (S, Callbacks);
      E    : Exception_Occurrence;
   begin
      Save_Occurrence (E, Kept);
      Save_Occurrence (Kept, Null_Occurrence);
      Reraise_Occurrence (E); --  nothing where it is null
      return Said;
   end Run;

   --  Cancelled by a callback, by Sampler_Cancel, and stopped by an exception on the way: nothing is lost.
   procedure By_Callbacks (S : Sampler; M : Mixture) is
      Callbacks : Model := (Size => Model'Size / 8, Mean | Jvp => Fill'Access, others => <>);
      Said      : Status := OK;
   begin
      if M /= Mixture (Null_Address) then
         Check (Mixture_Model (M, Callbacks) = OK, "Mixture_Model");
      end if;
      Callbacks.Progress := Report'Access;
      Visits := (others => 0);
      Check (Run (S, Callbacks) = Cancelled, "a callback cancels");
      Sampler_Cancel (S);
      Check (Run (S, Callbacks) = Cancelled, "cancel cancels");
      begin
         Said := Run (S, Callbacks);
         Check (False, "a callback's exception was lost, status" & Said'Image);
      exception
         when E : Boom =>
            Check (Exception_Message (E) = "at step 5", "an exception comes out as it was");
      end;
      Check (Run (S, Callbacks) = Done, "and the run goes on");
   end By_Callbacks;

   --  M: null for the affine model.
   procedure One_Case (Name : String; M : Mixture) is
      S      : constant Sampler := New_Sampler (Name (Name'Last - 2 .. Name'Last));
      Q      : aliased Request_Access;
      Said   : Status;
      Counts : Stats := (Size => Stats'Size / 8, Asymmetry | Error_Estimate => 0.0, others => 0);
   begin
      loop
         Said := Sampler_Ask (S, Q'Access);
         exit when Said /= OK;
         Said := (if M = Mixture (Null_Address) then Fill (Null_Address, Q) else Mixture_Answer (M, Q));
         Said := Sampler_Tell (S, Said);
         exit when Said /= OK;
      end loop;
      Check (Said = Done, Value (Sampler_Message (S)));
      Check (Golden_Has (Line_Of (S, Name)), Name & " by ask and tell");
      Check (Sampler_Restart (S, 2024, 5) = OK, "Sampler_Restart");
      By_Callbacks (S, M);
      Check (Golden_Has (Line_Of (S, Name)), Name & " by callbacks");
      Check (Sampler_Stats (S, Counts) = OK and then Counts.Steps = 20, "20 steps");
      Sampler_Free (S);
   end One_Case;

   procedure Bad_Value is
      C : Config;
   begin
      Check (Config_New (C, Null_Address) = OK, "Config_New");
      Check (Config_Set_By_Name (C, To_C ("krylov_steps"), To_C ("0")) = E_Range, "krylov_steps = 0 is an error");
      Put_Line (Value (Config_Message (C)));
      Check (Index (Value (Config_Message (C)), "krylov_steps is 0") > 0, "with a sentence");
      Config_Free (C);
   end Bad_Value;

   --  Half a job: written after ten steps, or read and finished, by whatever language.
   procedure Half (Start : Boolean; Path : String) is
      use Ada.Streams.Stream_IO;
      S         : constant Sampler := New_Sampler ("f64");
      Callbacks : constant Model := (Size => Model'Size / 8, Mean | Jvp => Fill'Access, others => <>);
      File      : Ada.Streams.Stream_IO.File_Type;
      Length    : size_t := 0;
   begin
      if Start then
         for Step in 1 .. 10 loop
            Check (Sampler_Step (S, Callbacks) = OK, "Sampler_Step");
         end loop;
         Check (Sampler_Save (S, Null_Address, 0, Length) = OK, Value (Sampler_Message (S)));
         Create (File, Out_File, Path);
      else
         Open (File, In_File, Path);
         Length := size_t (Size (File));
      end if;
      declare
         Data : Bytes (1 .. Length);
      begin
         if Start then
            Check (Sampler_Save (S, Data'Address, Length, Length) = OK, Value (Sampler_Message (S)));
            Bytes'Write (Stream (File), Data);
         else
            Bytes'Read (Stream (File), Data);
            Check (Sampler_Load (S, Data, Length) = OK, Value (Sampler_Message (S)));
            Check (Sampler_Run (S, Callbacks) = Done, Value (Sampler_Message (S)));
            Put_Line (Line_Of (S, "affine_f64"));
         end if;
      end;
      Close (File);
      Sampler_Free (S);
   end Half;

   M : Mixture;
begin
   if Argument (1) in "begin" | "finish" then
      Half (Argument (1) = "begin", Argument (2));
   else
      List_Options;
      M := New_Mixture;
      One_Case ("affine_f64", Mixture (Null_Address));
      One_Case ("affine_f32", Mixture (Null_Address));
      One_Case ("mixture_f64", M);
      One_Case ("mixture_f32", M);
      Mixture_Free (M);
      Bad_Value;
      Put_Line (Trim (Passed'Image, Ada.Strings.Left) & " passed," & Failed'Image & " failed");
   end if;
   Set_Exit_Status (if Failed = 0 then Success else Failure);
end Affine;
