--  SPDX-License-Identifier: BSD-3-Clause
--  The callbacks of affine.adb: a Gaussian as the model, and a report of progress that cancels once and raises once.
with Ada.Exceptions; use Ada.Exceptions;
with Covsamp;        use Covsamp;
with System;

package Affine_Model is
   Boom   : exception;
   Visits : array (Int64 range 0 .. 19) of Natural := (others => 0); --  of each step
   Kept   : Exception_Occurrence; --  what a callback raised: it waits here until the library has returned

   function Fill (User : System.Address; Q : Request_Access) return Int32 with Convention => C;
   --  Cancels at step 3 and raises Boom at step 5, at the first visit.
   function Report (User : System.Address; Q : Request_Access) return Int32 with Convention => C;
end Affine_Model;
